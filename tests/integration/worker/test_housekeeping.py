"""The worker deletes keys whose time is over, and nothing waits for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

from prometheus_client import REGISTRY

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.settings import DatabaseSettings
from leadgateway.store.execute import rows
from leadgateway.store.intake import store_batch
from leadgateway.store.migrations import migrate
from leadgateway_worker.housekeeping import HousekeepingThread, expired_keys
from tests.building.customer import Customer
from tests.building.pump import NOWHERE, Leads, engine_of, leads_in
from tests.building.stored_leads import new_lead, twin
from tests.building.waiting import eventually
from tests.building.worker import WorkerProcess, publish_solar

OFTEN = {"LEADGATEWAY_WORKER_HOUSEKEEPING_SECONDS": "0.1", "LEADGATEWAY_WORKER_SWEEP_SECONDS": "0.2"}
NOBODYS = "default/nobodys"
DELETED = "leadgateway_expired_keys_deleted_total"


@contextmanager
def kept_house(database_url: str, *, batch: int) -> Iterator[None]:
    """Housekeeping in a thread of this process."""
    engine = engine_of(database_url, connections=1)
    thread = HousekeepingThread(engine, [partial(expired_keys, batch=batch)], interval=0.05)
    thread.start()
    try:
        yield
    finally:
        thread.stop()
        engine.dispose()


def put_keys(database_url: str, *, expired: int, living: int = 0) -> None:
    """Store leads with a key each, on a route that no worker has: nobody else removes their keys."""
    engine = engine_of(database_url, connections=1)
    with engine.connect() as connection:
        store_batch(
            connection, [twin(os.urandom(32), dedup_window=timedelta(0), route=NOBODYS) for _ in range(expired)]
        )
        store_batch(connection, [new_lead(idempotency_key=str(number), route=NOBODYS) for number in range(living)])
    engine.dispose()


def keys(leads: Leads) -> int:
    return int(leads.ask("SELECT count(*) FROM lead_key")[0][0])


def test_keys_are_deleted_batch_by_batch_until_none_is_left_that_expired(leads: Leads, database_url: str) -> None:
    put_keys(database_url, expired=50, living=3)
    before = REGISTRY.get_sample_value(DELETED) or 0.0

    with kept_house(database_url, batch=7):
        eventually(lambda: keys(leads) == 3)
        put_keys(database_url, expired=14)
        eventually(lambda: keys(leads) == 3)

    assert REGISTRY.get_sample_value(DELETED) == before + 64


def test_a_worker_keeps_house_while_it_delivers(
    leads: Leads, database_url: str, customer: Customer, tmp_path: Path
) -> None:
    put_keys(database_url, expired=20, living=2)
    publish_solar(tmp_path, customer.url)

    with WorkerProcess(tmp_path, database=database_url, redis=NOWHERE, **OFTEN) as worker:
        eventually(lambda: keys(leads) == 2)
        leads.until("DELIVERED", leads.put_one())
        eventually(lambda: worker.metric(DELETED) == 20)
        assert worker.end() == 0


def test_housekeeping_that_hangs_holds_up_no_delivery_and_no_end(
    leads: Leads, database_url: str, customer: Customer, tmp_path: Path
) -> None:
    publish_solar(tmp_path, customer.url)
    engine = engine_of(database_url, connections=1)
    with (
        engine.connect() as connection,
        WorkerProcess(tmp_path, database=database_url, redis=NOWHERE, **OFTEN) as worker,
    ):
        rows(connection, "BEGIN; LOCK TABLE lead_key IN ACCESS EXCLUSIVE MODE")
        eventually(lambda: leads.ask("SELECT 1 FROM pg_locks WHERE NOT granted"), what="housekeeping that waits")
        for _ in range(3):
            leads.until("DELIVERED", leads.put_one())

        assert worker.end() == 0
        rows(connection, "ROLLBACK")
    engine.dispose()


def test_housekeeping_goes_on_after_an_outage_of_the_database(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder / "postgres") as server:
        url = server.url
        migrate(DatabaseSettings(DATABASE_URL=url))
        with kept_house(url, batch=10):
            server.stop()
            server.start()
            put_keys(url, expired=5)
            with leads_in(url) as leads:
                eventually(lambda: keys(leads) == 0)


def test_a_worker_removes_when_breakers_were_open_if_that_is_long_ago(
    leads: Leads, database_url: str, customer: Customer, tmp_path: Path
) -> None:
    publish_solar(tmp_path, customer.url)
    for days in (2, 4):
        leads.ask(
            "INSERT INTO breaker_opening (route, opened_at, closed_at, closed_by, probe_at, attempts, failures, leads,"
            f" opened_by) SELECT '{NOBODYS}', at, at, 'w1', at, 20, 20, 10, 'w1'"
            f" FROM (SELECT now() - interval '{days} d') AS ended (at)"
        )
    settings = OFTEN | {"LEADGATEWAY_WORKER_BREAKER_OPENINGS_DAYS": "3"}

    with WorkerProcess(tmp_path, database=database_url, redis=NOWHERE, **settings) as worker:
        kept = "SELECT extract(day FROM now() - closed_at)::int FROM breaker_opening"
        eventually(lambda: leads.ask(kept) == [(2,)])
        assert worker.end() == 0


def test_a_worker_applies_the_retention_of_its_routes_and_that_of_deleted_ones(
    leads: Leads, database_url: str, customer: Customer, tmp_path: Path
) -> None:
    publish_solar(tmp_path, customer.url, retention={"payload": "1d", "records": "10d"})
    deleted = {
        "LEADGATEWAY_WORKER_DELETED_ROUTE_PAYLOAD_DAYS": "2",
        "LEADGATEWAY_WORKER_DELETED_ROUTE_RECORDS_DAYS": "3",
    }

    with WorkerProcess(tmp_path, database=database_url, redis=NOWHERE, **OFTEN, **deleted) as worker:
        young, old, oldest = leads.put(3)
        orphan = leads.put_one(route=NOBODYS)
        for lead_id in (young, old, oldest):
            leads.until("DELIVERED", lead_id)
        leads.ask(
            f"UPDATE lead_state SET status = 'REJECTED', reject_code = 'X', due_at = NULL WHERE lead_id = {orphan}"
        )
        ages = {old: 2, oldest: 11, orphan: 2}
        for lead_id, days in ages.items():
            leads.ask(
                f"UPDATE lead_state SET updated_at = now() - interval '{days} d', ended_at = NULL"
                f" WHERE lead_id = {lead_id}"
            )

        eventually(lambda: leads.ask("SELECT count(*) FROM lead_state") == [(3,)])
        eventually(lambda: worker.metric('leadgateway_retention_removed_leads_total{part="contents"}') == 3)
        assert worker.metric('leadgateway_retention_removed_leads_total{part="records"}') == 1
        assert worker.end() == 0

    assert leads.story(young).body != b""
    assert (leads.story(old).body, leads.story(old).contents_removed_by) == (b"", "retention")
    assert leads.story(orphan).body == b""
