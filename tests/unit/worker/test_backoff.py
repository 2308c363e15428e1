"""When a failed attempt is repeated."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadgateway.route.snapshot import RetryPolicy
from leadgateway_worker.backoff import delay_before_retry, parse_retry_after
from tests.building.snapshots import SEED_RETRIES

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

policies = st.builds(
    RetryPolicy,
    max_retries=st.integers(0, 20),
    initial_delay=st.timedeltas(timedelta(milliseconds=1), timedelta(hours=1)),
    factor=st.floats(1, 1000),
    max_delay=st.timedeltas(timedelta(milliseconds=1), timedelta(days=1)),
    jitter=st.floats(0, 1),
    statuses=st.just(frozenset[int]()),
)
draws = st.floats(0, 1)


def test_the_default_waits_are_30_60_120_240_and_480_seconds() -> None:
    waits = [delay_before_retry(SEED_RETRIES, failures=n, draw=0.5).total_seconds() for n in range(1, 6)]

    assert waits == [30, 60, 120, 240, 480]


@given(policies, st.integers(1, 5000), draws)
def test_no_wait_is_negative_or_longer_than_the_longest(policy: RetryPolicy, failures: int, draw: float) -> None:
    wait = delay_before_retry(policy, failures=failures, draw=draw)

    assert timedelta(0) <= wait <= policy.max_delay


@given(policies, st.integers(1, 50))
def test_without_jitter_no_wait_is_shorter_than_the_one_before(policy: RetryPolicy, failures: int) -> None:
    steady = replace(policy, jitter=0.0)

    assert delay_before_retry(steady, failures=failures, draw=1.0) <= delay_before_retry(
        steady, failures=failures + 1, draw=0.0
    )


@given(st.floats(0, 1), draws)
def test_jitter_moves_a_wait_by_at_most_its_share(jitter: float, draw: float) -> None:
    wait = delay_before_retry(replace(SEED_RETRIES, jitter=jitter), failures=2, draw=draw).total_seconds()

    assert 60 * (1 - jitter) - 0.001 <= wait <= 60 * (1 + jitter) + 0.001


@given(policies, st.integers(1, 50), draws, st.timedeltas(timedelta(0), timedelta(days=9)))
def test_retry_after_never_shortens_a_wait_and_never_exceeds_the_longest(
    policy: RetryPolicy, failures: int, draw: float, asked: timedelta
) -> None:
    own = delay_before_retry(policy, failures=failures, draw=draw)
    wait = delay_before_retry(policy, failures=failures, draw=draw, retry_after=asked)

    assert own <= wait <= policy.max_delay
    assert wait >= min(asked, policy.max_delay)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", timedelta(0)),
        ("120", timedelta(minutes=2)),
        (" 7 ", timedelta(seconds=7)),
        ("99999999999999999999999999", timedelta.max),
        ("000000000000000000000000060", timedelta(minutes=1)),
        ("Sun, 01 Mar 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Sunday, 01-Mar-26 12:05:00 GMT", timedelta(minutes=5)),
        ("Sun Mar  1 12:05:00 2026", timedelta(minutes=5)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", timedelta(0)),
        ("Sun, 01 Mar 2026 12:05:00 +0000", timedelta(minutes=5)),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(value: str, wait: timedelta) -> None:
    assert parse_retry_after(value, now=NOW) == wait


@pytest.mark.parametrize("value", [None, "", "soon", "-1", "1.5", "٣", "Sun, 99 Mar 2026 12:00:00 GMT", "\x00"])
def test_a_retry_after_that_cannot_be_read_is_ignored(value: str | None) -> None:
    assert parse_retry_after(value, now=NOW) is None


@given(st.text())
def test_no_retry_after_makes_reading_fail(value: str) -> None:
    parse_retry_after(value, now=NOW)
