"""The worker makes leads findable, and nothing waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadgateway.store.execute import rows
from leadgateway.store.search_index import FORGETTING
from leadgateway_worker.housekeeping import HousekeepingThread
from leadgateway_worker.indexing import Indexing
from tests.building.customer import Customer
from tests.building.pump import NOWHERE, Leads, engine_of
from tests.building.waiting import eventually
from tests.building.worker import WorkerProcess, publish_solar

OFTEN = {"LEADGATEWAY_WORKER_SWEEP_SECONDS": "0.2"}


@contextmanager
def indexed(database_url: str) -> Iterator[None]:
    """Indexing in a thread of this process."""
    engine = engine_of(database_url, connections=1)
    thread = HousekeepingThread(engine, [Indexing(batch=7, missed_seconds=0.1)], interval=0.05)
    thread.start()
    try:
        yield
    finally:
        thread.stop()
        engine.dispose()


def findable(leads: Leads) -> int:
    return int(leads.ask("SELECT count(*) FROM lead_search WHERE terms IS NOT NULL")[0][0])


def test_what_is_new_what_was_missed_and_what_was_there_before_is_indexed(leads: Leads, database_url: str) -> None:
    for _ in range(20):
        leads.put_one()
    leads.ask("UPDATE search_progress SET read_up_to = 18, settled_up_to = 10, backfilled_down_to = 10 RETURNING 1")

    with indexed(database_url):
        eventually(lambda: findable(leads) == 20)
        leads.put_one()
        eventually(lambda: findable(leads) == 21)


def test_indexing_that_hangs_holds_up_no_delivery_and_no_end(leads: Leads, database_url: str, tmp_path: Path) -> None:
    engine = engine_of(database_url, connections=1)
    with (
        Customer() as customer,
        engine.connect() as connection,
    ):
        publish_solar(tmp_path, customer.url)
        rows(connection, "SELECT pg_advisory_lock(%(lock)s)", {"lock": FORGETTING})
        with WorkerProcess(tmp_path, database=database_url, redis=NOWHERE, **OFTEN) as worker:
            lead_id = leads.put_one()
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
            eventually(lambda: leads.ask(waiting), within=60, what="indexing that waits")
            leads.until("DELIVERED", lead_id, within=60)

            assert findable(leads) == 0
            assert worker.end() == 0
    engine.dispose()
