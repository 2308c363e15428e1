"""Which removals are due, and by whose retention."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leadgateway.route.snapshot import Retention
from leadgateway.route.table import Pending, RouteTable
from leadgateway.store.retention import Ends, RouteEnds
from leadgateway_worker.retention import Removal, due_removals, retention_of
from tests.building.snapshots import a_route

NOW = datetime(2026, 7, 1, tzinfo=UTC)
DAY = timedelta(days=1)
KEPT = Retention(payload=90 * DAY, records=365 * DAY)
DELETED = Retention(payload=30 * DAY, records=60 * DAY)
ROUTE = a_route()
RUNNING = RouteTable(by_key={ROUTE.key: ROUTE}, is_loaded=True)


def due(*, contents: int | None = None, records: int | None = None) -> list[Removal]:
    """What is due on a route whose first leads ended so many days ago."""
    times = [None if days is None else NOW - days * DAY for days in (contents, records)]
    return list(due_removals(Ends(NOW, [RouteEnds(ROUTE.key, *times)]), lambda _: KEPT))


@pytest.mark.parametrize(
    ("contents", "records", "parts"),
    [
        (89, None, []),
        (90, None, ["contents"]),
        (90, 364, ["contents"]),
        (1, 365, ["records"]),
        (None, 365, ["records"]),
        (90, 365, ["contents", "records"]),
        (365, None, ["contents", "records"]),
    ],
)
def test_contents_and_then_records_go_when_their_time_has_come(
    contents: int | None, records: int | None, parts: list[str]
) -> None:
    assert [removal.part for removal in due(contents=contents, records=records)] == parts


def test_a_removal_says_how_long_ago_a_lead_must_have_ended() -> None:
    assert due(contents=1000) == [
        Removal(ROUTE.key, "contents", KEPT.payload),
        Removal(ROUTE.key, "records", KEPT.records),
    ]


def test_nothing_goes_of_a_route_whose_retention_nobody_knows() -> None:
    found = Ends(NOW, [RouteEnds(ROUTE.key, NOW - 9999 * DAY, None)])

    assert list(due_removals(found, lambda _: None)) == []


def test_a_route_that_runs_says_how_long() -> None:
    assert retention_of(ROUTE.key, RUNNING, {}, deleted=DELETED) == ROUTE.retention
    assert retention_of(ROUTE.key, RUNNING, {"lead-gateway-routes-1": "is empty"}, deleted=DELETED) == ROUTE.retention


def test_a_route_that_was_deleted_has_the_retention_of_such() -> None:
    assert retention_of("default/gone", RUNNING, {}, deleted=DELETED) == DELETED


@pytest.mark.parametrize(
    ("table", "faults"),
    [
        (RouteTable(), {}),
        (RUNNING, {"lead-gateway-routes-1": "is not mounted any more"}),
        (RouteTable(is_loaded=True, broken={"default/gone": "no such field"}), {}),
        (RouteTable(is_loaded=True, pending={"default/gone": Pending("gone", False, "waits for its secret")}), {}),
    ],
)
def test_a_route_that_may_still_be_there_keeps_everything(table: RouteTable, faults: dict[str, str]) -> None:
    assert retention_of("default/gone", table, faults, deleted=DELETED) is None
