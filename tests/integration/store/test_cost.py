"""What the hot statements cost PostgreSQL, by its own counters."""

from __future__ import annotations

from collections.abc import Callable

from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows
from leadgateway.store.intake import store_batch
from leadgateway.store.outcomes import Delivered
from tests.building.stored_leads import CONFIG, Worker, attempt, stored, twin

LARGE = ("lead_state", "inbound_lead", "delivery_round", "delivery_attempt", "status_transition", "lead_key")


def counters(connection: Connection, column: str) -> dict[str, int]:
    """A column of `pg_stat_user_tables` by table, with all that this connection did so far."""
    rows(connection, "SELECT pg_stat_force_next_flush()")
    rows(connection, "SELECT pg_stat_clear_snapshot()")
    return dict(rows(connection, f"SELECT relname, {column} FROM pg_stat_user_tables"))


def counted(connection: Connection, column: str, action: Callable[[], object]) -> dict[str, int]:
    """By how much the column grew through the action, for the large tables."""
    before = counters(connection, column)
    action()
    after = counters(connection, column)
    return {table: after[table] - before[table] for table in LARGE}


def test_claiming_and_marking_ready_write_no_index(connection: Connection, worker: Worker) -> None:
    stored(connection, count=400)

    def claim_and_mark_ready() -> None:
        while claimed := worker.claim(50):
            worker.mark_ready(claimed)

    def hot_updates() -> None:
        updated.update(counted(connection, "n_tup_upd", claim_and_mark_ready))

    updated: dict[str, int] = {}
    hot = counted(connection, "n_tup_hot_upd", hot_updates)

    assert updated["lead_state"] == 800
    # A page that is full for a moment may cost one here and there
    assert hot["lead_state"] >= 0.9 * updated["lead_state"]


def test_no_table_is_read_as_a_whole_even_where_the_planner_would_like_to(
    connection: Connection, worker: Worker
) -> None:
    # So few, and all in the cache: a sequential scan looks cheap. It wouldn't be with millions, nor is it here.
    stored(connection, *(twin(number.to_bytes(32, "big")) for number in range(1000)))
    rows(connection, "ANALYZE")

    def work() -> None:
        store_batch(connection, [twin(number.to_bytes(32, "big")) for number in range(990, 1010)])
        claimed = worker.claim(200)
        rejected, delivered = claimed[:50], claimed[50:]
        worker.mark_ready(delivered)
        worker.finish(*(Delivered(lead.lead_id, lead.token, CONFIG, attempt()) for lead in delivered))
        for lead in rejected[:3]:
            worker.reject(lead)

    assert counted(connection, "seq_scan", work) == dict.fromkeys(LARGE, 0)
