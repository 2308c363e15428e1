"""Who may begin when many want to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import uvloop

from leadgateway_worker.turns import Turns

_TURN_SECONDS = 0.05
_NEVER_SECONDS = 3600.0


def within_a_minute(work: Awaitable[list[float]]) -> list[float]:
    async def inside() -> list[float]:
        async with asyncio.timeout(60):
            return await work

    return uvloop.run(inside())


async def beginnings(turns: Turns, wanted: int) -> list[float]:
    """When each of so many began, in the order they came, in seconds."""
    loop = asyncio.get_running_loop()

    async def begin() -> float:
        await turns.take()
        return loop.time() - came

    came = loop.time()
    return await asyncio.gather(*(begin() for _ in range(wanted)))


def test_few_begin_at_once() -> None:
    turns = Turns(at_a_turn=3, seconds=_NEVER_SECONDS)

    assert len(within_a_minute(beginnings(turns, 3))) == 3


def test_of_many_the_next_few_begin_a_turn_later_in_the_order_they_came() -> None:
    turns = Turns(at_a_turn=3, seconds=_TURN_SECONDS)

    began = within_a_minute(beginnings(turns, 8))

    assert began == sorted(began)
    # Timers may be a millisecond early: the clock of the loop goes in steps.
    assert [moment >= 0.9 * _TURN_SECONDS * (place // 3) for place, moment in enumerate(began)] == [True] * 8


def test_after_a_rest_as_many_begin_at_once_as_at_first() -> None:
    async def after_a_rest() -> list[float]:
        turns = Turns(at_a_turn=3, seconds=_TURN_SECONDS)
        await beginnings(turns, 3)
        await asyncio.sleep(_TURN_SECONDS * 2)
        return await beginnings(turns, 3)

    assert max(within_a_minute(after_a_rest())) < _TURN_SECONDS


def test_whoever_gives_up_waiting_takes_nobodys_turn() -> None:
    async def with_one_that_gives_up() -> list[float]:
        turns = Turns(at_a_turn=1, seconds=_TURN_SECONDS)
        await turns.take()
        gone, stays = asyncio.create_task(turns.take()), asyncio.create_task(beginnings(turns, 1))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    (began,) = within_a_minute(with_one_that_gives_up())

    assert began > 0
