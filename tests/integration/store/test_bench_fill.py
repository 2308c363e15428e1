"""The leads that benchmarks fill a database with are as those that arrived and were delivered."""

from __future__ import annotations

from datetime import timedelta

from bench.fill import fill
from leadgateway.store.execute import rows
from leadgateway.store.retention import remove
from leadgateway.store.search import LeadFilter, search
from leadgateway.store.search_index import index_missed, index_new, index_old
from tests.building.stored_leads import store_engine


def test_filled_leads_wait_or_were_delivered_and_retention_takes_them(database_url: str) -> None:
    fill(database_url, waiting=2, finished=3, routes=1, say=lambda _: None)

    engine = store_engine(database_url, pool_size=1)
    with engine.connect() as connection:
        statuses: dict[str, int] = dict(rows(connection, "SELECT status::text, count(*) FROM lead_state GROUP BY 1"))
        steps = rows(
            connection,
            "SELECT from_status, to_status FROM status_transition JOIN lead_state USING (lead_id) "
            "WHERE status = 'DELIVERED' GROUP BY 1, 2, seq ORDER BY seq",
        )
        removed = remove(connection, "contents", route="default/route-0", older_than=timedelta(hours=1))
    engine.dispose()

    assert statuses == {"DELIVERED": 3, "RECEIVED": 2}
    assert steps == [(None, "RECEIVED"), ("RECEIVED", "READY"), ("READY", "DELIVERED")]
    assert removed == 2  # the first ended a minute ago


def test_filled_leads_are_found_and_leave_workers_nothing_to_index(database_url: str) -> None:
    fill(database_url, waiting=2, finished=3, routes=1, say=lambda _: None)

    engine = store_engine(database_url, pool_size=1)
    with engine.connect() as connection:
        left = [index(connection) for index in (index_new, index_missed, index_old)]
        by_email = search(connection, LeadFilter(email="lead50000003@example.com"))
        by_phone = search(connection, LeadFilter(phone="+4968150000001"))
    engine.dispose()

    assert left == [0, 0, 0]
    assert [lead.status for lead in by_email.leads] == ["RECEIVED"]
    assert [lead.status for lead in by_phone.leads] == ["DELIVERED"]
