"""A body is read up to its limit, and all bodies together up to theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from starlette.types import Message, Receive

from leadgateway_webhook.body import ClientGone, MemoryBudget, Share, read_body
from leadgateway_webhook.errors import BodyTooLarge, Overloaded


def channel(messages: Iterable[Message]) -> Receive:
    remaining = iter(messages)

    async def receive() -> Message:
        return next(remaining)

    return receive


def chunks(*bodies: bytes) -> list[Message]:
    last = len(bodies) - 1
    return [{"type": "http.request", "body": body, "more_body": i < last} for i, body in enumerate(bodies)]


def read(messages: list[Message], *, limit: int = 100, budget: MemoryBudget | None = None) -> bytes:
    with Share(budget or MemoryBudget(1000)) as share:
        return asyncio.run(read_body(channel(messages), limit=limit, share=share))


def test_a_body_in_one_piece_is_read() -> None:
    assert read(chunks(b"{}")) == b"{}"


def test_a_body_in_pieces_is_joined() -> None:
    assert read(chunks(b'{"a"', b"", b":1}")) == b'{"a":1}'


def test_a_body_of_just_the_limit_is_read() -> None:
    assert len(read(chunks(b"x" * 60, b"x" * 40))) == 100


def test_a_body_beyond_the_limit_is_refused_at_once() -> None:
    endless = channel({"type": "http.request", "body": b"x" * 30, "more_body": True} for _ in range(4))

    with pytest.raises(BodyTooLarge), Share(MemoryBudget(1000)) as share:
        asyncio.run(read_body(endless, limit=100, share=share))


def test_a_source_that_goes_away_ends_the_reading() -> None:
    with pytest.raises(ClientGone):
        read([*chunks(b"x", b"y")[:1], {"type": "http.disconnect"}])


def test_bodies_together_are_bounded() -> None:
    budget = MemoryBudget(150)

    with Share(budget) as first:
        first.grow(100)
        with pytest.raises(Overloaded):
            read(chunks(b"x" * 60), budget=budget)

    assert budget.used == 0


def test_what_a_post_held_is_given_back_whatever_its_end() -> None:
    budget = MemoryBudget(1000)

    read(chunks(b"x" * 50), budget=budget)
    with pytest.raises(BodyTooLarge):
        read(chunks(b"x" * 50, b"x" * 80), budget=budget)

    assert budget.used == 0
