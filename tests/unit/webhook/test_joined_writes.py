"""What is written in one turn of the loop is sent together, in its order, and before the connection is closed."""

from __future__ import annotations

import asyncio
from typing import cast

from leadgateway_webhook.joined_writes import JoinedWrites


class Sent:
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        assert not self.is_closed
        self.packets.append(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


def joined() -> tuple[Sent, JoinedWrites]:
    sent = Sent()
    return sent, JoinedWrites(cast("asyncio.Transport", sent), asyncio.get_running_loop())


async def a_turn() -> None:
    await asyncio.sleep(0)


def test_head_and_body_are_one_packet_and_the_next_answer_another() -> None:
    async def answers() -> list[bytes]:
        sent, transport = joined()
        for head, body in ((b"head 1,", b"body 1"), (b"head 2,", b"body 2")):
            transport.write(head)
            transport.write(body)
            await a_turn()
        return sent.packets

    assert asyncio.run(answers()) == [b"head 1,body 1", b"head 2,body 2"]


def test_what_was_written_is_sent_before_the_end() -> None:
    async def last_words() -> Sent:
        sent, transport = joined()
        transport.write(b"400")
        transport.close()
        await a_turn()
        return sent

    sent = asyncio.run(last_words())

    assert sent.is_closed
    assert sent.packets == [b"400"]


def test_nothing_is_sent_over_a_connection_that_is_lost_meanwhile() -> None:
    async def to_nobody() -> list[bytes]:
        sent, transport = joined()
        transport.write(b"200")
        sent.close()
        await a_turn()
        return sent.packets

    assert asyncio.run(to_nobody()) == []
