"""Connections: settings of a session, dead servers, broken connections, errors by cause."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest
from psycopg2.extensions import parse_dsn

from leadgateway.dev.ports import free_port
from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.settings import DatabaseSettings
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.engine import connection_parameters
from leadgateway.store.errors import (
    RowRefused,
    SchemaMismatch,
    StoreError,
    StoreTimeout,
    StoreUnavailable,
    store_error,
)
from leadgateway.store.execute import Lookup, lookup, retrying, rows
from tests.building.stored_leads import store_engine, stored

KEEPALIVES = ("idle", "interval", "count")


def setting(connection: Connection, name: str) -> str:
    [(value,)] = rows(connection, "SELECT current_setting(%(name)s)", {"name": name})
    return str(value)


@contextmanager
def ending_connections(listening: socket.socket) -> Iterator[None]:
    """Take every connection and end it at once, as a proxy does whose server is gone."""

    def take() -> None:
        with suppress(OSError):
            while True:
                listening.accept()[0].close()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    yield
    listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def backend(connection: Connection) -> int:
    [(pid,)] = rows(connection, "SELECT pg_backend_pid()")
    return int(pid)


def test_a_session_is_set_up_for_short_durable_statements(connection: Connection) -> None:
    assert setting(connection, "jit") == "off"
    assert setting(connection, "TimeZone") == "UTC"
    assert setting(connection, "application_name") == "store tests"
    assert setting(connection, "statement_timeout") == "0"
    assert setting(connection, "idle_in_transaction_session_timeout") == "15s"


def test_commits_are_durable_even_where_the_server_says_otherwise(
    postgres_server: EmbeddedPostgres, alterable: Connection, database_url: str
) -> None:
    [(database,)] = rows(alterable, "SELECT current_database()")
    rows(alterable, f"ALTER DATABASE {database} SET synchronous_commit = 'off'")

    with store_engine(database_url).connect() as connection:
        assert setting(connection, "synchronous_commit") == "on"
        connection.invalidate()


def test_what_is_stronger_than_durable_is_kept(alterable: Connection, database_url: str) -> None:
    [(database,)] = rows(alterable, "SELECT current_database()")
    rows(alterable, f"ALTER DATABASE {database} SET synchronous_commit = 'remote_apply'")

    with store_engine(database_url).connect() as connection:
        assert setting(connection, "synchronous_commit") == "remote_apply"
        connection.invalidate()


def test_the_settings_of_the_seed_system_lead_to_the_same_place() -> None:
    given = DatabaseSettings(
        DATABASE_URL=None,
        POSTGRES_HOST="db",
        POSTGRES_PORT=5433,
        POSTGRES_DB="leads",
        POSTGRES_USER="u",
        POSTGRES_PASSWORD="p",
    )

    assert connection_parameters(given) == {"host": "db", "port": 5433, "dbname": "leads", "user": "u", "password": "p"}


def test_a_url_may_name_several_hosts_and_what_they_must_be() -> None:
    url = "postgresql://u:p@one:1,two:2/leads?target_session_attrs=read-write"

    parameters = connection_parameters(DatabaseSettings(DATABASE_URL=url))

    assert (parameters["host"], parameters["port"]) == ("one,two", "1,2")
    assert parameters["target_session_attrs"] == "read-write"


def test_a_host_that_takes_connections_and_ends_them_does_not_hide_the_next_one(store_database: str) -> None:
    parts = parse_dsn(store_database)
    with socket.create_server(("127.0.0.1", 0)) as proxy, ending_connections(proxy):
        hosts = f"127.0.0.1:{proxy.getsockname()[1]},{quote(parts['host'], safe='')}:5432"
        url = f"postgresql://{parts['user']}:{parts['password']}@{hosts}/{parts['dbname']}"

        with store_engine(f"{url}?target_session_attrs=read-write").connect() as connection:
            assert rows(connection, "SELECT 1") == [(1,)]


def test_the_server_too_notices_that_its_client_is_gone(server_folder: Path) -> None:
    port = str(free_port())
    settings = {"listen_addresses": "127.0.0.1", "port": port}
    with EmbeddedPostgres(server_folder, durable=False, settings=settings) as server:
        parts = parse_dsn(server.url)
        url = f"postgresql://{parts['user']}:{parts['password']}@127.0.0.1:{port}/{parts['dbname']}"

        with store_engine(url).connect() as connection:
            idle, interval, count = (int(setting(connection, f"tcp_keepalives_{name}")) for name in KEEPALIVES)

    assert 0 < idle + interval * count <= 15, "seconds"


def test_a_server_that_does_not_answer_is_given_up_within_a_few_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = store_engine(f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/none")
        began = time.monotonic()

        with pytest.raises(StoreUnavailable, match="can't connect"):
            engine.connect()

        assert time.monotonic() - began < 3.5


@pytest.mark.parametrize("secret", ["s3cr3t"])
def test_a_refused_connection_does_not_tell_the_password(database_url: str, secret: str) -> None:
    with pytest.raises(StoreUnavailable) as failure:
        store_engine(f"postgresql://somebody:{secret}@127.0.0.1:1/none").connect()

    assert secret not in str(failure.value)
    assert failure.value.__cause__ is None


def test_a_statement_that_takes_too_long_is_ended(store_database: str) -> None:
    engine = store_engine(store_database, statement_timeout=timedelta(milliseconds=100))

    with engine.connect() as connection, pytest.raises(StoreTimeout):
        rows(connection, "SELECT pg_sleep(20)")

    engine.dispose()


def test_a_connection_that_broke_is_noticed_and_replaced(engine: Engine, connection: Connection) -> None:
    with engine.connect() as other:
        rows(connection, "SELECT pg_terminate_backend(%(pid)s)", {"pid": backend(other)})

        with pytest.raises(StoreUnavailable):
            rows(other, "SELECT 1")

        assert rows(other, "SELECT 1") == [(1,)]


def test_an_idle_connection_that_broke_fails_nobody(
    engine: Engine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadgateway.store.connection._PING_AFTER_SECONDS", 0.0)
    with engine.connect() as other:
        pid = backend(other)
    rows(connection, "SELECT pg_terminate_backend(%(pid)s)", {"pid": pid})

    with engine.connect() as again:
        assert backend(again) != pid


def test_every_connection_broken_at_once_leaves_an_engine_that_works(database_url: str, connection: Connection) -> None:
    engine = store_engine(database_url)
    with engine.connect() as one, engine.connect() as two:
        victims = [backend(one), backend(two)]
    rows(connection, "SELECT pg_terminate_backend(pid) FROM unnest(%(pids)s) AS pid", {"pids": victims})

    failures = 0
    for _ in range(4):
        try:
            with engine.connect() as again:
                stored(again)
        except StoreUnavailable:
            failures += 1

    assert failures <= 2
    engine.dispose()


def test_what_was_begun_and_not_committed_is_undone_when_a_connection_is_given_back(
    engine: Engine, connection: Connection
) -> None:
    with engine.connect() as other:
        rows(other, "BEGIN; SELECT pg_advisory_xact_lock(1)")

    with engine.connect() as next_one:
        rows(connection, "SELECT pg_advisory_xact_lock(1)")
        rows(next_one, "COMMIT")


def test_whoever_finds_all_connections_in_use_is_told(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadgateway.store.connection._PATIENCE_SECONDS", 0.0)
    engine = store_engine(database_url, pool_size=1)

    with engine.connect(), pytest.raises(StoreUnavailable, match="in use"):
        engine.connect()

    with engine.connect() as connection:
        assert rows(connection, "SELECT 1") == [(1,)]
    engine.dispose()


def test_a_connection_that_was_given_back_sends_nothing_more(engine: Engine) -> None:
    with engine.connect() as connection:
        pass

    with pytest.raises(StoreUnavailable, match="given back"):
        rows(connection, "SELECT 1")


def test_a_lookup_is_planned_once_a_session(engine: Engine) -> None:
    asked = Lookup("asked", "SELECT %(number)s::int + %(number)s")
    planned = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = 'asked'"

    with engine.connect() as connection:
        answers = [lookup(connection, asked, {"number": number}) for number in range(7)]

        assert answers == [[(number * 2,)] for number in range(7)]
        assert rows(connection, planned) == [(7, 0)]


def test_a_lookup_goes_on_in_a_session_that_replaced_its_own(engine: Engine, connection: Connection) -> None:
    asked = Lookup("asked_again", "SELECT 1")
    with engine.connect() as other:
        lookup(other, asked)
        rows(connection, "SELECT pg_terminate_backend(%(pid)s)", {"pid": backend(other)})
        with pytest.raises(StoreUnavailable):
            lookup(other, asked)

        assert lookup(other, asked) == [(1,)]


def test_a_lookup_bears_a_schema_that_changes_under_it(database_url: str) -> None:
    asked = Lookup("read_all", "SELECT * FROM changing")
    engine = store_engine(database_url, plans_lookups=True)
    with engine.connect() as connection:
        rows(connection, "CREATE TABLE changing AS SELECT 1 AS number")
        assert lookup(connection, asked) == [(1,)]
        rows(connection, "ALTER TABLE changing ADD COLUMN word text DEFAULT 'new'")

        assert retrying(lambda: lookup(connection, asked)) == [(1, "new")]
    engine.dispose()


def test_a_plan_that_is_made_anew_is_a_lookup_again(engine: Engine, connection: Connection) -> None:
    stored(connection, count=50)
    asked = Lookup("asked_of_few", "SELECT count(*) FROM lead_state WHERE lead_id = %(lead_id)s")
    scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'lead_state'"
    with engine.connect() as other:
        lookup(other, asked, {"lead_id": 1})
        rows(connection, "ANALYZE lead_state")
        rows(connection, "SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        before = rows(connection, scans)

        lookup(other, asked, {"lead_id": 1})

        rows(other, "SELECT pg_stat_force_next_flush()")
    rows(connection, "SELECT pg_stat_clear_snapshot()")
    assert rows(connection, scans) == before


def test_a_failed_statement_says_nothing_of_its_values(connection: Connection) -> None:
    with pytest.raises(StoreError) as failure:
        rows(connection, "SELECT %(value)s::int", {"value": "marked"})

    assert "marked" not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


@pytest.mark.parametrize(
    ("sql", "cause"),
    [
        ("SELECT 1 / 0", RowRefused),
        ("SELECT * FROM nowhere", SchemaMismatch),
        ("DO $$ BEGIN RAISE EXCEPTION 'x'; END $$", RowRefused),
        ("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '53100'; END $$", StoreUnavailable),
        ("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '53300'; END $$", StoreUnavailable),
        ("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '58030'; END $$", StoreUnavailable),
        ("SET TRANSACTION READ ONLY; CREATE TABLE t (x int)", StoreUnavailable),
        ("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = 'XX000'; END $$", StoreError),
    ],
)
def test_every_failure_has_a_type_by_its_cause(alterable: Connection, sql: str, cause: type[StoreError]) -> None:
    with pytest.raises(StoreError) as failure:
        rows(alterable, sql)

    assert type(failure.value) is cause


def test_an_error_without_a_code_is_a_lost_connection() -> None:
    assert type(store_error(psycopg2.OperationalError("server closed the connection"))) is StoreUnavailable
