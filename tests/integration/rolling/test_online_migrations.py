"""Migrations under load: nobody who stores, claims or finishes leads waits for one, whatever else holds the tables.

What runs meanwhile are the statements of the release with the oldest schema, since those of today need today's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from alembic import command

from leadgateway.settings import DatabaseSettings
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.errors import StoreTimeout
from leadgateway.store.execute import rows
from leadgateway.store.migrations import migrate, runner, schema_is_current
from leadgateway.store.migrations.alembic_connection import alembic_connection
from leadgateway.store.migrations.runner import LOCK_TIMEOUT
from tests.building.stored_leads import store_engine
from tests.building.waiting import eventually

LEADS = 200_000
BOUND_SECONDS = 3.0
"""Three times the aim. A source has its answer within two seconds, but on a machine that does nothing else."""
HELD_UP_SECONDS = 2.0
"""With a table that somebody holds: less than the patience that a migration once had."""

_FILL = """
INSERT INTO inbound_lead (lead_id, received_at, correlation_id, route, config_hash, headers, body)
SELECT n, now(), '00000000-0000-0000-0000-000000000000', 'default/solar', 'hash', '{}', '{"email": "a@example.com"}'
FROM generate_series(1, %(leads)s) AS n;
INSERT INTO lead_state (lead_id, due_at, updated_at, route)
SELECT n, now(), now(), 'default/solar' FROM generate_series(1, %(leads)s) AS n;
INSERT INTO status_transition (lead_id, at, seq, to_status, actor)
SELECT n, now(), 1, 'RECEIVED', 'webhook' FROM generate_series(1, %(leads)s) AS n;
SELECT setval('lead_id_seq', %(leads)s)
"""
_STORE = """
WITH new AS (SELECT nextval('lead_id_seq') AS lead_id),
lead AS (
    INSERT INTO inbound_lead (lead_id, received_at, correlation_id, route, config_hash, headers, body)
    SELECT lead_id, now(), '00000000-0000-0000-0000-000000000000', 'default/solar', 'hash', '{}', '{}' FROM new
),
state AS (
    INSERT INTO lead_state (lead_id, due_at, updated_at, route) SELECT lead_id, now(), now(), 'default/solar' FROM new
)
INSERT INTO status_transition (lead_id, at, seq, to_status, actor)
SELECT lead_id, now(), 1, 'RECEIVED', 'webhook' FROM new
"""
_CLAIM = """
UPDATE lead_state SET leased_at = now(), leased_until = now() + interval '1 minute', lease_holder = 'w1',
    lease_token = lease_token + 1
WHERE lead_id IN (
    SELECT lead_id FROM lead_state WHERE route = 'default/solar' AND due_at <= now() AND leased_until IS NULL
    ORDER BY due_at LIMIT 20 FOR UPDATE SKIP LOCKED
)
"""
_FINISH = """
WITH mine AS (
    SELECT lead_id FROM lead_state WHERE lease_holder = 'w1' ORDER BY lead_id LIMIT 20 FOR UPDATE SKIP LOCKED
),
ended AS (
    UPDATE lead_state AS s SET status = 'PERMANENTLY_FAILED', due_at = NULL, leased_at = NULL, leased_until = NULL,
        lease_holder = NULL, updated_at = now(), transitions = 2
    FROM mine WHERE s.lead_id = mine.lead_id
)
INSERT INTO status_transition (lead_id, at, seq, from_status, to_status, actor)
SELECT lead_id, now(), 2, 'RECEIVED', 'PERMANENTLY_FAILED', 'worker:w1' FROM mine
"""


@dataclass
class Stream:
    """Somebody who runs the same statements again and again, and how long each took."""

    engine: Engine
    statements: tuple[str, ...]
    seconds: list[float] = field(default_factory=list)
    began: float = 0.0

    def run(self, over: threading.Event) -> None:
        with self.engine.connect() as connection:
            while not over.is_set():
                for statement in self.statements:
                    self.began = time.monotonic()
                    rows(connection, statement)
                    self.seconds.append(time.monotonic() - self.began)
                over.wait(0.001)

    @property
    def longest(self) -> float:
        return max(self.seconds)


@contextmanager
def traffic(engine: Engine) -> Iterator[list[Stream]]:
    """Leads being stored, claimed and finished, until the block ends; each of it at least a few times before it."""
    streams = [Stream(engine, (_STORE,)), Stream(engine, (_CLAIM, _FINISH))]
    with background(*(stream.run for stream in streams)):
        yield goes_on(streams)


def goes_on(streams: list[Stream]) -> list[Stream]:
    """Wait until each of them has run a few more statements."""
    already = [len(stream.seconds) for stream in streams]
    eventually(
        lambda: all(len(stream.seconds) >= count + 10 for stream, count in zip(streams, already, strict=True)),
        what="more statements of everybody",
    )
    return streams


@contextmanager
def background(*tasks: Callable[[threading.Event], object]) -> Iterator[list[threading.Thread]]:
    """Run tasks in threads, tell them at the end of the block that it is over, and raise what they raised."""
    over, failures = threading.Event(), []

    def run(task: Callable[[threading.Event], object]) -> None:
        try:
            task(over)
        except BaseException as error:  # handed to the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    if failures:
        raise failures[0]


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    """A database with the oldest schema."""
    engine = store_engine(empty_database_url)
    with engine.connect() as connection:
        config = runner._config()
        with alembic_connection(connection) as config.attributes["connection"]:
            command.upgrade(config, "0001")
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection


@contextmanager
def a_reader_of(engine: Engine, table: str) -> Iterator[None]:
    """A transaction that has read a table and stays open, as a backup's does."""
    with engine.connect() as connection:
        rows(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ; SET idle_in_transaction_session_timeout = 0")
        rows(connection, f"SELECT count(*) FROM {table}")
        try:
            yield
        finally:
            rows(connection, "ROLLBACK; RESET idle_in_transaction_session_timeout")


def settings(url: str) -> DatabaseSettings:
    return DatabaseSettings(DATABASE_URL=url)


def test_no_statement_waits_for_a_migration_of_200_000_leads(
    engine: Engine, connection: Connection, empty_database_url: str, report_figure: Callable[[str], None]
) -> None:
    for statement in _FILL.split(";"):
        rows(connection, statement, {"leads": LEADS})
    with traffic(engine) as streams:
        began = time.monotonic()
        migrate(settings(empty_database_url), wait=timedelta(minutes=2))
        took = time.monotonic() - began
        goes_on(streams)

    storing, working = streams
    report_figure(
        f"migrations of {LEADS:,} leads took {took:.1f} s; meanwhile the longest wait of {len(storing.seconds)} that "
        f"stored was {storing.longest * 1000:.0f} ms, of {len(working.seconds)} that claimed or finished "
        f"{working.longest * 1000:.0f} ms"
    )
    assert schema_is_current(connection)
    assert max(storing.longest, working.longest) < BOUND_SECONDS


def test_a_table_that_somebody_reads_for_long_is_asked_for_again_and_again_and_nobody_queues_up(
    engine: Engine, connection: Connection, empty_database_url: str
) -> None:
    def is_asked_for() -> bool:
        asked = "SELECT 1 FROM pg_locks WHERE relation = 'lead_state'::regclass AND mode = 'AccessExclusiveLock'"
        return bool(rows(connection, asked))

    with (
        ExitStack() as end,
        background(lambda _: migrate(settings(empty_database_url), wait=timedelta(minutes=1))) as (migrator,),
    ):
        reading = end.enter_context(ExitStack())
        reading.enter_context(a_reader_of(engine, "lead_state"))
        streams = end.enter_context(traffic(engine))
        for _ in range(3):
            eventually(is_asked_for)
            eventually(lambda: not is_asked_for())
            goes_on(streams)
        assert not schema_is_current(connection)

        reading.close()

        migrator.join(60)
        assert schema_is_current(connection)
        assert max(stream.longest for stream in streams) < HELD_UP_SECONDS


def test_an_index_is_built_as_soon_as_the_last_old_transaction_ends_however_long_that_takes(
    engine: Engine, connection: Connection, empty_database_url: str
) -> None:
    building = "SELECT now() - query_start FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%%' {more}"
    longer = building.format(more=f"AND now() - query_start > interval '{LOCK_TIMEOUT.total_seconds() * 3} s'")

    with ExitStack() as end:
        reading = end.enter_context(ExitStack())
        reading.enter_context(a_reader_of(engine, "alembic_version"))
        streams = end.enter_context(traffic(engine))
        (migrator,) = end.enter_context(
            background(lambda _: migrate(settings(empty_database_url), wait=timedelta(minutes=1)))
        )
        eventually(lambda: rows(connection, longer))
        goes_on(streams)

        reading.close()

        migrator.join(60)
        assert schema_is_current(connection)
        assert max(stream.longest for stream in streams) < HELD_UP_SECONDS


def test_an_index_whose_build_was_given_up_is_built_anew_and_those_that_are_whole_are_kept(
    engine: Engine, connection: Connection, empty_database_url: str
) -> None:
    invalid = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
    with a_reader_of(engine, "alembic_version"), pytest.raises(StoreTimeout):
        migrate(settings(empty_database_url), wait=timedelta(seconds=1))
    assert rows(connection, invalid) == [("lead_state_contents",)]
    rows(connection, "CREATE INDEX lead_state_records ON lead_state (route)")
    kept = rows(connection, "SELECT 'lead_state_records'::regclass::oid")

    migrate(settings(empty_database_url))

    assert schema_is_current(connection)
    assert rows(connection, invalid) == []
    assert rows(connection, "SELECT 'lead_state_records'::regclass::oid") == kept
