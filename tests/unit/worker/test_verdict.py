"""What an exchange means for the lead."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from leadgateway_worker.delivery import Exchange
from leadgateway_worker.failure import Failure, Kind
from leadgateway_worker.verdict import (
    Again,
    Refused,
    Spent,
    Success,
    Verdict,
    judge,
    kind_of,
)
from tests.building.snapshots import SEED_RETRIES

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
FAILING = [kind for kind in Kind if kind not in {Kind.DELIVERED, Kind.STATUS}]


def verdict(exchange: Exchange, *, failures: int = 0, statuses: frozenset[int] = frozenset()) -> Verdict:
    return judge(exchange, replace(SEED_RETRIES, statuses=statuses), failures=failures, now=NOW, draw=0.5)


def answered(status: int, retry_after: str | None = None) -> Exchange:
    return Exchange(seconds=0.1, status=status, headers={} if retry_after is None else {"retry-after": retry_after})


def broken(kind: Kind, status: int | None = None) -> Exchange:
    return Exchange(seconds=0.1, status=status, failure=Failure(kind, "a sentence"))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_success(status: int) -> None:
    assert verdict(answered(status)) == Success()
    assert kind_of(answered(status)) is Kind.DELIVERED


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 599, 600])
def test_every_5xx_is_repeated(status: int) -> None:
    assert verdict(answered(status)) == Again(timedelta(seconds=30))
    assert kind_of(answered(status)) is Kind.STATUS


@pytest.mark.parametrize("status", [101, 301, 302, 304, 307, 400, 401, 404, 408, 409, 422, 429, 451])
def test_every_other_status_ends_the_lead(status: int) -> None:
    assert verdict(answered(status)) == Refused()


def test_a_status_that_the_route_names_is_repeated() -> None:
    assert verdict(answered(429), statuses=frozenset({408, 429})) == Again(timedelta(seconds=30))


@pytest.mark.parametrize("kind", FAILING)
def test_whatever_breaks_an_exchange_off_is_repeated(kind: Kind) -> None:
    assert verdict(broken(kind)) == Again(timedelta(seconds=30))
    assert kind_of(broken(kind)) is kind


def test_an_answer_that_broke_off_counts_as_broken_off_whatever_its_status() -> None:
    assert verdict(broken(Kind.TIMEOUT, status=200)) == Again(timedelta(seconds=30))
    assert verdict(broken(Kind.DISCONNECTED, status=400)) == Again(timedelta(seconds=30))


def test_five_repeats_come_after_the_first_attempt_and_then_the_end() -> None:
    verdicts = [verdict(answered(500), failures=failures) for failures in range(6)]

    assert verdicts == [*(Again(timedelta(seconds=wait)) for wait in (30, 60, 120, 240, 480)), Spent()]


def test_a_route_without_retries_ends_the_lead_at_its_first_failure() -> None:
    once = replace(SEED_RETRIES, max_retries=0)

    assert judge(answered(500), once, failures=0, now=NOW, draw=0.5) == Spent()


def test_retry_after_of_a_repeated_status_is_honoured() -> None:
    assert verdict(answered(503, retry_after="100")) == Again(timedelta(seconds=100))
    assert verdict(answered(503, retry_after="Sun, 01 Mar 2026 12:02:00 GMT")) == Again(timedelta(seconds=120))


def test_retry_after_is_honoured_up_to_the_longest_wait() -> None:
    assert verdict(answered(503, retry_after="100000")) == Again(timedelta(seconds=480))


def test_retry_after_does_not_bring_an_ended_lead_back() -> None:
    assert verdict(answered(429, retry_after="1")) == Refused()
    assert verdict(answered(503, retry_after="1"), failures=5) == Spent()
