"""Long work leaves the loop its share of the time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from leadgateway_webhook.aside import Aside


def test_between_two_pieces_of_work_the_thread_rests_as_long_as_the_first_took() -> None:
    done: list[tuple[float, float]] = []

    def work() -> None:
        began = time.monotonic()
        sum(range(1_000_000))
        done.append((began, time.monotonic()))

    async def do_all() -> None:
        aside = Aside("test")
        await asyncio.gather(*(aside.run(work, patience=30) for _ in range(5)))
        aside.close()

    asyncio.run(do_all())

    assert len(done) == 5
    for (began, ended), (next_began, _) in pairwise(done):
        assert next_began - ended >= (ended - began) * 0.95


@pytest.mark.parametrize(("work", "error"), [(lambda: time.sleep(0.3), TimeoutError), (lambda: int("x"), ValueError)])
def test_what_fails_or_takes_too_long_is_told(work: Callable[[], object], error: type[Exception]) -> None:
    async def do() -> None:
        aside = Aside("test")
        try:
            await aside.run(work, patience=0.1)
        finally:
            aside.close()

    with pytest.raises(error):
        asyncio.run(do())
