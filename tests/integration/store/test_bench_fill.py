"""The leads that benchmarks fill a database with are as those that arrived and were delivered."""

from __future__ import annotations

from datetime import timedelta

from bench.fill import fill
from leadgateway.store.execute import rows
from leadgateway.store.retention import remove
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
