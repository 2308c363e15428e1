"""What a source may do with a connection, spoken byte for byte to the real server around a small application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from leadgateway_webhook import protocol
from leadgateway_webhook.protocol import MAX_DISCARDED_BYTES, MAX_HEAD_BYTES, REQUEST_SECONDS, IntakeProtocol

POST = b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


class Echo:
    """Answers the number of bytes it read: `/refuse` without reading, `/slow` once the test opens the gate."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.begun = 0
        self.gone = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        size = -1
        if scope["path"] != "/refuse":
            size, more = 0, True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    self.gone += 1
                    return
                size, more = size + len(message["body"]), message["more_body"]
        if scope["path"] == "/slow":
            await self.gate.wait()
        body = b"x" * 1_000_000 if scope["path"] == "/large" else b"read %d" % size
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


class Served:
    """A listening protocol, and what the tests look at."""

    def __init__(self) -> None:
        self.app = Echo()
        self.refusals: list[str] = []
        self.connections: set[IntakeProtocol] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def listen(self) -> asyncio.Server:
        kind = type("Counting", (IntakeProtocol,), {"count_refusal": staticmethod(self.refusals.append)})
        config = uvicorn.Config(self.app, ws="none", lifespan="off", log_config=None)
        config.load()
        state = ServerState()
        self.connections = cast("set[IntakeProtocol]", state.connections)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: kind(config, state, {}), "127.0.0.1", 0)
        return self._server

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*self._server.sockets[0].getsockname())
        self._writers.append(writer)
        return reader, writer

    async def disconnect(self) -> None:
        for writer in self._writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        self.app.gate.set()
        await until(lambda: not self.connections)

    def pass_time(self, seconds: float) -> None:
        """What the process does once a second, as if that much had passed."""
        now = asyncio.get_running_loop().time() + seconds
        for connection in list(self.connections):
            connection.end_if_overdue(now)


def serving(test: Callable[[Served], Awaitable[None]]) -> None:
    async def bounded() -> None:
        served = Served()
        async with asyncio.timeout(20), await served.listen():
            try:
                await test(served)
            finally:
                await served.disconnect()

    asyncio.run(bounded())


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


async def refusal(reader: asyncio.StreamReader) -> tuple[int, str]:
    """An answer in our error form that ends the connection."""
    status, headers, body = await answer(reader)
    error: dict[str, Any] = json.loads(body)
    assert headers["connection"] == "close"
    assert error["status"] == "error"
    assert error["correlation_id"] == headers["x-correlation-id"]
    assert await reader.read() == b""
    return status, error["code"]


async def sendable(writer: asyncio.StreamWriter, most: int) -> int:
    """How many bytes of at most `most` the other side takes before it ends the connection."""
    sent = 0
    with suppress(OSError):
        while sent < most:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536
    return sent


async def closed(reader: asyncio.StreamReader) -> None:
    """The other side ends the connection without a word (with a reset, if it had not read everything)."""
    with suppress(ConnectionResetError):
        assert await reader.read() == b""


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - a condition of the server
        await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    "sent",
    [
        b"NONSENSE\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"POST /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_answered_as_json(sent: bytes) -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        writer.write(sent)

        assert await refusal(reader) == (400, "malformed_request")
        assert served.refusals == ["malformed_request"]

    serving(test)


def test_a_head_too_large_is_refused_when_it_comes_whole() -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        writer.write(b"POST /slow HTTP/1.1\r\nX-Long: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n")

        assert await refusal(reader) == (431, "head_too_large")
        assert served.app.begun == 0

    serving(test)


@pytest.mark.parametrize("endless", [b"x" * 4096, b"x: y\r\n" * 700])
def test_a_head_without_end_is_refused_before_it_ends(endless: bytes) -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        writer.write(b"POST /" + b" HTTP/1.1\r\nX: " if b"\r\n" not in endless else b"POST / HTTP/1.1\r\n")
        for _ in range(20):
            writer.write(endless)
            await asyncio.sleep(0.01)
            if served.refusals:
                break

        assert await refusal(reader) == (431, "head_too_large")

    serving(test)


def test_a_large_body_in_the_same_packet_is_no_large_head() -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        body = b"x" * 200_000
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

        assert (await answer(reader))[2] == b"read 200000"

    serving(test)


def test_pipelined_requests_are_answered_in_their_order() -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        sizes = [5, 0, 70_000, 3]
        writer.write(
            b"".join(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % n + b"x" * n for n in sizes)
        )

        assert [(await answer(reader))[2] for _ in sizes] == [b"read %d" % n for n in sizes]

    serving(test)


def test_nonsense_behind_a_request_does_not_cost_it_its_answer() -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        writer.write(POST + POST + b"NONSENSE\r\n\r\n" + POST)
        await until(lambda: served.refusals == ["malformed_request"])
        served.app.gate.set()

        assert (await answer(reader))[2] == b"read 2"
        assert (await answer(reader))[2] == b"read 2"
        assert await refusal(reader) == (400, "malformed_request")
        assert served.app.begun == 2

    serving(test)


def test_a_broken_body_behind_a_request_does_not_cost_it_its_answer() -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        writer.write(POST + b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        await until(lambda: served.refusals == ["malformed_request"])
        served.app.gate.set()

        assert (await answer(reader))[2] == b"read 2"
        assert await refusal(reader) == (400, "malformed_request")
        assert served.app.begun == 1

    serving(test)


def test_a_broken_body_is_refused_and_never_handed_on() -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n")

        assert await refusal(reader) == (400, "malformed_request")
        await until(lambda: served.app.gone == 1)

    serving(test)


def test_a_source_that_goes_away_in_mid_body_is_noticed() -> None:
    async def test(served: Served) -> None:
        _, writer = await served.connect()
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        await until(lambda: served.app.begun == 1)
        writer.close()

        await until(lambda: served.app.gone == 1)

    serving(test)


def test_a_body_that_drips_is_refused_after_a_time() -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        await until(lambda: served.app.begun == 1)
        served.pass_time(REQUEST_SECONDS - 1)
        assert not served.refusals
        served.pass_time(REQUEST_SECONDS + 1)

        assert await refusal(reader) == (408, "request_timeout")

    serving(test)


@pytest.mark.parametrize("sent", [b"", b"POST / HT", b"\r\n"])
def test_a_connection_without_a_request_is_closed_after_a_time(sent: bytes) -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        writer.write(sent)
        await until(lambda: len(served.connections) == 1)
        served.pass_time(REQUEST_SECONDS + 1)

        await closed(reader)

    serving(test)


def test_blank_lines_between_requests_do_not_hold_a_connection_for_ever() -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        served.app.gate.set()
        writer.write(POST)
        await answer(reader)
        writer.write(b"\r\n")
        connection = next(iter(served.connections))
        await until(lambda: connection.timeout_keep_alive_task is None)
        served.pass_time(REQUEST_SECONDS + 1)

        await closed(reader)

    serving(test)


def test_a_post_that_waits_for_its_commit_is_never_overdue() -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        writer.write(POST + b"POST /ne")
        await until(lambda: served.app.begun == 1)
        served.pass_time(REQUEST_SECONDS * 10)
        served.app.gate.set()

        assert (await answer(reader))[2] == b"read 2"

    serving(test)


def test_the_body_of_a_post_refused_early_is_read_so_that_its_source_reads_the_refusal() -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        size = 4 * 1024 * 1024
        writer.write(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
        await writer.drain()

        assert (await answer(reader))[2] == b"read -1"
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        assert (await answer(reader))[2] == b"read 2"

    serving(test)


def test_a_body_without_end_is_not_read_for_ever() -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        writer.write(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n")
        await answer(reader)

        assert await sendable(writer, 3 * MAX_DISCARDED_BYTES) < 2 * MAX_DISCARDED_BYTES

    serving(test)


def test_connections_have_a_largest_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_CONNECTIONS", 3)

    async def test(served: Served) -> None:
        kept = [await served.connect() for _ in range(3)]
        await until(lambda: len(served.connections) == 3)
        reader, _ = await served.connect()

        assert await refusal(reader) == (503, "overloaded")
        served.app.gate.set()
        kept[0][1].write(POST)
        assert (await answer(kept[0][0]))[0] == 200

    serving(test)


def test_a_source_that_does_not_read_its_answers_is_cut_off() -> None:
    async def test(served: Served) -> None:
        _, writer = await served.connect()
        writer.write(POST.replace(b"/slow", b"/large") * 20)
        await until(lambda: any(connection._blocked_since for connection in served.connections))
        served.pass_time(REQUEST_SECONDS + 1)

        await until(lambda: not served.connections)
        writer.transport.abort()

    serving(test)


UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


def test_a_request_for_another_protocol_is_answered_in_this_one() -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        writer.write(b"GET /refuse HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n")

        assert (await answer(reader))[2] == b"read -1"

    serving(test)


def test_a_body_sent_along_with_such_a_request_is_refused_rather_than_lost() -> None:
    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        writer.write(POST.replace(b"Host: x\r\n", b"Host: x\r\n" + UPGRADE))

        assert await refusal(reader) == (400, "malformed_request")
        assert served.app.begun == 0

    serving(test)
