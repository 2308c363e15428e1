"""Bringing the schema up to date."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.settings import DatabaseSettings
from leadgateway.store import migrations
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.errors import StoreTimeout, StoreUnavailable
from leadgateway.store.execute import rows
from leadgateway.store.migrations import SchemaNotReady, UnsuitableServer, migrate, schema_is_current, wait_for_schema
from leadgateway.store.migrations.alembic_connection import alembic_connection
from leadgateway.store.migrations.runner import _LOCK
from leadgateway.store.tables import metadata
from tests.building.stored_leads import at_once, store_engine, stored
from tests.building.waiting import eventually

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def settings(url: str) -> DatabaseSettings:
    return DatabaseSettings(DATABASE_URL=url)


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Engine]:
    engine = store_engine(empty_database_url)
    yield engine
    engine.dispose()


def test_the_tables_as_python_knows_them_are_those_of_the_migrations(connection: Connection) -> None:
    options = {"compare_type": True, "compare_server_default": True}
    with alembic_connection(connection) as lent:
        context = MigrationContext.configure(lent, opts=options)

        assert compare_metadata(context, metadata) == []


def test_the_constraints_are_named_alike(connection: Connection) -> None:
    named = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
    in_python = {
        str(constraint.name)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if type(constraint).__name__ == "CheckConstraint"
    }

    # Those of status_transition say which steps are legal; `status.py` does for Python
    in_the_database = {name for (name,) in rows(connection, named)}
    assert in_the_database - in_python == {"status_transition_first", "status_transition_legal"}
    assert in_python <= in_the_database


def test_the_storage_parameters_are_alike(connection: Connection) -> None:
    [(options,)] = rows(connection, "SELECT reloptions FROM pg_class WHERE relname = 'lead_state'")

    in_python = metadata.tables["lead_state"].dialect_options["postgresql"]["with"]
    assert dict(option.split("=") for option in options) == in_python


def test_an_empty_database_is_brought_up_to_date_once(empty_database_url: str, empty: Engine) -> None:
    with empty.connect() as connection:
        assert not schema_is_current(connection)

        first = migrate(settings(empty_database_url))

        assert schema_is_current(connection)
        stored(connection)
        assert migrate(settings(empty_database_url)) == first
        assert rows(connection, "SELECT count(*) FROM inbound_lead") == [(1,)]


def test_several_migrators_at_once_do_no_harm(empty_database_url: str) -> None:
    revisions = at_once([lambda: migrate(settings(empty_database_url))] * 4)

    assert len(set(revisions)) == 1


def test_a_schema_that_is_newer_than_this_version_is_left_alone(alterable: Connection, database_url: str) -> None:
    rows(alterable, "UPDATE alembic_version SET version_num = '9999'")

    assert schema_is_current(alterable)
    assert migrate(settings(database_url)) == "9999"


def test_migrating_leaves_no_locks_and_no_sessions(empty_database_url: str, empty: Engine) -> None:
    migrate(settings(empty_database_url))

    with empty.connect() as connection:
        assert rows(connection, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leadgateway migrate'"
        eventually(lambda: rows(connection, sessions) == [(0,)])


def test_a_migrator_waits_for_another_one_and_says_so_when_it_has_waited_long_enough(
    empty_database_url: str, empty: Engine
) -> None:
    with empty.connect() as other:
        rows(other, "SELECT pg_advisory_lock(%(lock)s)", {"lock": _LOCK})

        with pytest.raises(StoreTimeout, match="another migration"):
            migrate(settings(empty_database_url), wait=timedelta(milliseconds=300))

        migrator = threading.Thread(target=migrate, args=(settings(empty_database_url),))
        migrator.start()
        rows(other, "SELECT pg_advisory_unlock(%(lock)s)", {"lock": _LOCK})
        migrator.join(20)
        assert schema_is_current(other)


def test_a_locked_table_is_waited_for_a_little_at_a_time(
    empty_database_url: str, empty: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations.runner, "LOCK_TIMEOUT", timedelta(milliseconds=100))
    with empty.connect() as holder:
        rows(holder, "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        rows(holder, "BEGIN; LOCK TABLE alembic_version IN SHARE MODE")

        with pytest.raises(StoreTimeout):
            migrate(settings(empty_database_url), wait=timedelta(milliseconds=400))

        rows(holder, "ROLLBACK")
        migrate(settings(empty_database_url))
        assert schema_is_current(holder)


def test_a_migration_that_fails_is_undone_and_names_the_cause_without_contents(
    empty_database_url: str, empty: Engine
) -> None:
    with empty.connect() as connection:
        rows(connection, "CREATE TABLE delivery_round (marked text)")

        with pytest.raises(Exception, match="SQLSTATE 42P07"):
            migrate(settings(empty_database_url))

        assert not schema_is_current(connection)
        assert rows(connection, "SELECT to_regclass('inbound_lead')") == [(None,)]

        rows(connection, "DROP TABLE delivery_round")
        migrate(settings(empty_database_url))
        assert schema_is_current(connection)


def test_a_database_that_can_not_hold_every_text_is_refused(
    empty_database_url: str, empty: Engine, postgres_server: EmbeddedPostgres
) -> None:
    with empty.connect() as connection:
        rows(connection, "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        try:
            with pytest.raises(UnsuitableServer, match=r"LATIN1.*ENCODING 'UTF8'"):
                migrate(settings(postgres_server.url_of("latin")))
        finally:
            rows(connection, "DROP DATABASE latin")


@pytest.mark.parametrize(("version", "suits"), [(130022, False), (140000, True), (180004, True)])
def test_a_server_that_is_too_old_is_refused(version: int, suits: bool) -> None:
    if suits:
        migrations.runner._require_suitable(version, "UTF8")
        return
    with pytest.raises(UnsuitableServer, match="14 or newer is needed; this is 13"):
        migrations.runner._require_suitable(version, "UTF8")


def test_migrating_where_there_is_no_server_ends_when_the_patience_does() -> None:
    began = time.monotonic()

    with pytest.raises(StoreUnavailable, match="can't connect"):
        migrate(settings(NOWHERE), wait=timedelta(milliseconds=500))

    assert 0.5 <= time.monotonic() - began < 5


def test_processes_wait_for_the_schema(empty_database_url: str, empty: Engine) -> None:
    with pytest.raises(SchemaNotReady, match="leadgateway migrate"):
        wait_for_schema(empty, timeout=timedelta(milliseconds=300))

    migrator = threading.Thread(target=migrate, args=(settings(empty_database_url),))
    migrator.start()
    wait_for_schema(empty, timeout=timedelta(seconds=20))
    migrator.join()


def test_waiting_for_the_schema_of_no_server_says_that_there_is_none() -> None:
    engine = store_engine(NOWHERE)

    with pytest.raises(StoreUnavailable):
        wait_for_schema(engine, timeout=timedelta(milliseconds=300))


def test_the_history_is_linear_and_each_revision_is_numbered() -> None:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(migrations.runner._config())

    assert len(scripts.get_heads()) == 1
    revisions = [script.revision for script in scripts.walk_revisions()][::-1]
    assert revisions == [f"{number:04}" for number in range(1, len(revisions) + 1)]
    files = sorted(path.name for path in (Path(migrations.__file__).parent / "versions").glob("*.py"))
    assert [name[:4] for name in files] == revisions
