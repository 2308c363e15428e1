"""No minute holds more posts than a route takes, whoever counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as RedisConnectionError

from leadgateway_webhook.errors import RateLimited
from leadgateway_webhook.rate_limit import PERIOD_SECONDS, Grant, RateLimiter, Window


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class SharedCount:
    """A count across webhooks that can be taken away, and remembers what it was asked."""

    def __init__(self, *, present: bool = True, granted: int = 1_000_000) -> None:
        self.present = present
        self.granted = granted
        self.asked: list[int] = []

    async def take(self, key: str, limit: int, wanted: int) -> Grant:  # noqa: ARG002
        await asyncio.sleep(0)
        if not self.present:
            raise RedisConnectionError
        self.asked.append(wanted)
        granted = min(wanted, self.granted)
        self.granted -= granted
        return Grant(granted, 0.0 if granted == wanted else 7.2)

    async def probe(self) -> None:
        if not self.present:
            raise RedisConnectionError


class BrokenCount(SharedCount):
    async def take(self, key: str, limit: int, wanted: int) -> Grant:  # noqa: ARG002
        raise ZeroDivisionError


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await test()

    asyncio.run(bounded())


async def passes(limiter: RateLimiter, *, limit: int, posts: int = 1, key: str = "default/solar") -> int:
    answers = await asyncio.gather(*(limiter.admit(key, limit) for _ in range(posts)), return_exceptions=True)
    assert all(answer is None or isinstance(answer, RateLimited) for answer in answers)
    return answers.count(None)


def test_a_window_lets_no_more_pass_than_its_limit() -> None:
    window = Window()

    assert window.take(5, 3, now=0.0) == Grant(3, PERIOD_SECONDS)


def test_a_window_says_when_the_next_may_pass() -> None:
    window = Window()
    window.take(1, 2, now=10.0)
    window.take(1, 2, now=30.0)

    assert window.take(1, 2, now=50.0) == Grant(0, 20.0)
    assert window.take(1, 2, now=70.0) == Grant(1, 0.0)


def test_a_lower_limit_counts_what_passed_under_the_higher_one() -> None:
    window = Window()
    window.take(2, 4, now=0.0)
    window.take(2, 4, now=20.0)

    assert window.take(1, 2, now=30.0) == Grant(0, 50.0)


@given(
    limit=st.integers(1, 8),
    steps=st.lists(st.tuples(st.floats(0, 90), st.integers(1, 5)), max_size=40),
)
def test_no_sixty_seconds_hold_more_than_the_limit(limit: int, steps: list[tuple[float, int]]) -> None:
    """For any course of posts: every span of 60 s holds at most `limit`, and who waits as told passes."""
    window, now, passed = Window(), 0.0, list[float]()
    for pause, wanted in steps:
        now += pause
        grant = window.take(wanted, limit, now)
        passed += [now] * grant.granted
        assert 0 <= grant.granted <= wanted
        if grant.granted < wanted:
            assert 0 < grant.retry_after <= PERIOD_SECONDS
            now += grant.retry_after
            assert window.take(1, limit, now + 1e-6).granted == 1
            passed.append(now + 1e-6)
            now += 1e-6
    assert all(late - early >= PERIOD_SECONDS - 1e-6 for early, late in zip(passed, passed[limit:], strict=False))


def test_a_refusal_says_in_whole_seconds_when_to_come_back() -> None:
    async def test() -> None:
        limiter = RateLimiter(SharedCount(granted=0), replicas=1)

        with pytest.raises(RateLimited) as refusal:
            await limiter.admit("default/solar", 5)

        assert refusal.value.retry_after == 8

    run(test)


def test_posts_that_arrive_together_share_a_question() -> None:
    async def test() -> None:
        count = SharedCount(granted=60)
        limiter = RateLimiter(count, replicas=1)

        assert await passes(limiter, limit=100, posts=80) == 60
        assert count.asked == [80]

    run(test)


def test_routes_are_counted_apart() -> None:
    async def test() -> None:
        limiter = RateLimiter(SharedCount(present=False), replicas=1)

        assert await passes(limiter, limit=2, posts=3, key="default/one") == 2
        assert await passes(limiter, limit=2, posts=3, key="default/two") == 2
        await limiter.close()

    run(test)


def test_each_process_grants_its_share_while_the_shared_count_is_away() -> None:
    async def test() -> None:
        limiter = RateLimiter(SharedCount(present=False), replicas=4, clock=Clock())

        assert await passes(limiter, limit=100, posts=80) == 25
        assert limiter.is_counting_alone
        await limiter.close()

    run(test)


def test_a_share_is_never_nothing() -> None:
    async def test() -> None:
        limiter = RateLimiter(SharedCount(present=False), replicas=10, clock=Clock())

        assert await passes(limiter, limit=5, posts=5) == 1
        await limiter.close()

    run(test)


def test_what_passed_before_the_shared_count_went_away_counts_into_the_share() -> None:
    async def test() -> None:
        count, clock = SharedCount(), Clock()
        limiter = RateLimiter(count, replicas=2, clock=clock)
        await passes(limiter, limit=10, posts=4)

        count.present = False

        assert await passes(limiter, limit=10, posts=4) == 1
        clock.now += PERIOD_SECONDS
        assert await passes(limiter, limit=10, posts=9) == 5
        await limiter.close()

    run(test)


def test_the_shared_count_is_used_again_once_it_is_back() -> None:
    async def test() -> None:
        count = SharedCount(present=False)
        limiter = RateLimiter(count, replicas=1)
        await passes(limiter, limit=10)

        count.present = True
        while limiter.is_counting_alone:  # noqa: ASYNC110 - a condition of the code under test
            await asyncio.sleep(0.01)

        assert await passes(limiter, limit=10, posts=3) == 3
        assert count.asked == [3]

    run(test)


def test_a_defect_in_the_count_reaches_the_posts_rather_than_leaving_them_waiting() -> None:
    async def test() -> None:
        limiter = RateLimiter(BrokenCount(), replicas=1)

        with pytest.raises(ZeroDivisionError):
            await limiter.admit("default/solar", 5)

    run(test)


def test_a_post_that_was_cancelled_does_not_hold_up_the_others() -> None:
    async def test() -> None:
        limiter = RateLimiter(SharedCount(), replicas=1)
        first = asyncio.create_task(limiter.admit("default/solar", 5))
        second = asyncio.create_task(limiter.admit("default/solar", 5))
        await asyncio.sleep(0)

        first.cancel()

        await second

    run(test)


def test_the_counts_of_routes_that_are_gone_are_dropped() -> None:
    async def test() -> None:
        limiter = RateLimiter(SharedCount(present=False), replicas=1, clock=Clock())
        await passes(limiter, limit=2, posts=2, key="default/gone")
        await passes(limiter, limit=2, posts=2, key="default/kept")

        limiter.forget({"default/kept"})

        assert await passes(limiter, limit=2, posts=1, key="default/gone") == 1
        assert await passes(limiter, limit=2, posts=1, key="default/kept") == 0
        await limiter.close()

    run(test)
