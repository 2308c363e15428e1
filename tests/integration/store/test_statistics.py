"""How many leads came, and what became of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows
from leadgateway.store.search_index import catch_up
from leadgateway.store.statistics import InvalidPeriod, Statistics, statistics
from leadgateway.store.status import LeadStatus
from tests.building.stored_leads import ROUTE, Worker, new_lead, stored

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OTHER = "default/other"


def counted(connection: Connection, **changes: object) -> Statistics:
    now = datetime.now(UTC)
    asked = {"received_from": now - HOUR, "received_before": now + HOUR, "bucket": HOUR, **changes}
    return statistics(connection, **asked)  # type: ignore[arg-type]


def test_leads_are_counted_by_status_route_and_code(connection: Connection, worker: Worker) -> None:
    stored(connection, count=3)
    stored(connection, new_lead(route=OTHER))
    rejected, delivered = worker.claim(2)
    worker.reject(rejected, "NO_ROOF")
    worker.mark_ready([delivered])
    worker.deliver(delivered)

    found = counted(connection)

    assert found.total == 4
    assert found.by_status == {"RECEIVED": 2, "REJECTED": 1, "DELIVERED": 1}
    assert found.by_route == {ROUTE: {"RECEIVED": 1, "REJECTED": 1, "DELIVERED": 1}, OTHER: {"RECEIVED": 1}}
    assert found.by_reject_code == {ROUTE: {"NO_ROOF": 1}}
    assert counted(connection, route=OTHER).by_status == {"RECEIVED": 1}


def test_leads_are_counted_by_the_time_they_came(connection: Connection) -> None:
    leads = stored(connection, count=4)
    catch_up(connection)
    for minutes, lead_id in zip((-1, 0, 59, 120), leads, strict=True):
        at = {"at": NOON + timedelta(minutes=minutes), "id": lead_id}
        rows(connection, "UPDATE lead_search SET received_at = %(at)s WHERE lead_id = %(id)s", at)

    found = counted(connection, received_from=NOON, received_before=NOON + 5 * HOUR)

    assert [(bucket.start, bucket.counts) for bucket in found.by_time] == [
        (NOON, {LeadStatus.RECEIVED: 2}),
        (NOON + 2 * HOUR, {LeadStatus.RECEIVED: 1}),
    ]


def test_nothing_is_counted_where_nothing_is(connection: Connection) -> None:
    assert counted(connection) == Statistics(0, {}, {}, {}, ())


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("received_before", {"received_from": NOON, "received_before": NOON}),
        ("bucket", {"bucket": timedelta(milliseconds=1)}),
        ("bucket", {"bucket": timedelta(seconds=1)}),
    ],
)
def test_a_period_that_can_not_be_counted_is_refused(
    connection: Connection, field: str, changes: dict[str, object]
) -> None:
    with pytest.raises(InvalidPeriod) as refused:
        counted(connection, **changes)

    assert refused.value.field == field
