"""Applying the migrations: once, whoever starts it, and without standing in the way of a running system."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import structlog

from leadgateway.settings import DatabaseSettings
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.engine import create_store_engine
from leadgateway.store.errors import SchemaMismatch, StoreError, StoreTimeout, StoreUnavailable
from leadgateway.store.execute import Row, rows
from leadgateway.store.grants import grant_runtime

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK = int.from_bytes(b"leadgate", "big")
"""Of `pg_advisory_lock`: any number, as long as all migrators take the same."""
LOCK_TIMEOUT = timedelta(milliseconds=500)
"""How long a migration may let others wait: a quarter of the time in which a source has its answer."""
DEADLINE = "deadline"
"""Of Alembic's attributes: the reading of `time.monotonic` at which the patience of the whole migration ends."""
_PAUSE_SECONDS = 0.2
_BREATH_SECONDS = 1.0
"""After a lock that wasn't to be had: others have queued up behind us, and it is their turn."""
_OLDEST_SERVER = 14
_VERSION = re.compile(r"\d{4}_\w+\.py", re.ASCII)

_log = structlog.get_logger(__name__)


class UnsuitableServer(StoreError):
    """PostgreSQL is there, but leads can't be kept in it."""


class SchemaNotReady(StoreError):
    """The database is there, but its schema is older than this version needs."""


def migrate(
    settings: DatabaseSettings, *, wait: timedelta = timedelta(seconds=30), grant_to: Sequence[str] = ()
) -> str:
    """Bring the schema up to this version, and let others work with it. Changes nothing of one that is newer.

    Several may run at once: one migrates, the others wait for it. No statement waits longer than half a second for a
    lock that others would queue up behind; the migration then goes on a little later, where it was undone.

    Args:
        settings: The database and a role that owns it (or may create in its schema); it need not be a superuser.
            Directly, not through a pooler in transaction mode, which would lose the lock that keeps migrators apart.
        wait: How long to go on when PostgreSQL is away, another one migrates, or a lock isn't to be had.
        grant_to: Roles that webhook and worker log in as; each is given what these need, in what is new as well.

    Returns:
        The revision that the schema has now.

    Raises:
        StoreUnavailable: PostgreSQL stayed away, or something else held a lock, until the end of `wait`.
        UnsuitableServer: Its version is too old, or the database's encoding isn't UTF8.
        UnknownRole: There is no such role to grant anything to. The schema is current.
        NotTheOwner: The schema is current, but this role may not grant anything.
        StoreError: A migration failed. It was undone; those before it stay.
    """
    engine = create_store_engine(settings, application_name="leadgateway migrate", pool_size=1)
    deadline = time.monotonic() + wait.total_seconds()
    try:
        while True:
            try:
                return _migrate_once(engine, deadline, grant_to)
            except StoreUnavailable as error:
                if time.monotonic() >= deadline:
                    raise
                _log.info("migration waits", reason=str(error))
                time.sleep(_BREATH_SECONDS if isinstance(error, StoreTimeout) else _PAUSE_SECONDS)
    finally:
        engine.dispose()


def schema_is_current(connection: Connection) -> bool:
    """Whether the schema is at least as new as this version needs (migrations leave older versions working).

    Raises:
        StoreUnavailable: PostgreSQL can't be asked.
    """
    revision = _revision(connection)
    return revision is not None and revision not in _older_revisions()


def wait_for_schema(engine: Engine, *, timeout: timedelta) -> None:
    """Return as soon as somebody has migrated, for processes that start beside the migration.

    Raises:
        StoreUnavailable: PostgreSQL stayed away until the timeout.
        SchemaNotReady: It was there, but nobody had migrated until then.
    """
    deadline = time.monotonic() + timeout.total_seconds()
    while True:
        try:
            with engine.connect() as connection:
                return _require_current(connection)
        except (StoreUnavailable, SchemaNotReady):
            if time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE_SECONDS)


def lock_timeout(limit: timedelta) -> str:
    """The statement after which those that follow wait for a lock no longer than this."""
    return f"SET lock_timeout = '{limit // timedelta(milliseconds=1)}ms'"


def _require_current(connection: Connection) -> None:
    if not schema_is_current(connection):
        raise SchemaNotReady("the schema is older than this version needs: run `leadgateway migrate`")


def _migrate_once(engine: Engine, deadline: float, grant_to: Sequence[str]) -> str:
    with engine.connect() as connection, _only_migrator(connection, deadline):
        _require_suitable(*_server(connection))
        rows(connection, lock_timeout(LOCK_TIMEOUT))
        if not schema_is_current(connection):
            _upgrade(connection, deadline)
        for role in grant_to:
            grant_runtime(connection, role)
        return _revision(connection) or ""


def _server(connection: Connection) -> Row:
    asked = "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')"
    return rows(connection, asked)[0]


def _require_suitable(version: int, encoding: str) -> None:
    if version // 10_000 < _OLDEST_SERVER:
        raise UnsuitableServer(f"PostgreSQL {_OLDEST_SERVER} or newer is needed; this is {version // 10_000}")
    if encoding != "UTF8":
        raise UnsuitableServer(
            f"the database's encoding is {encoding}, which can't hold what leads contain; "
            "make another: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


@contextmanager
def _only_migrator(connection: Connection, deadline: float) -> Iterator[None]:
    # Asked again and again rather than waited for: a session that waits in a statement holds a snapshot, which an
    # index that is built concurrently waits for in turn.
    while not rows(connection, "SELECT pg_try_advisory_lock(%(lock)s)", {"lock": _LOCK})[0][0]:
        if time.monotonic() >= deadline:
            raise StoreTimeout("another migration is still running")
        time.sleep(_PAUSE_SECONDS)
    try:
        yield
    finally:
        if not connection.is_broken:
            rows(connection, "SELECT pg_advisory_unlock(%(lock)s)", {"lock": _LOCK})


def _upgrade(connection: Connection, deadline: float) -> None:
    # Here, not above: webhook and worker only look at the revision, and Alembic and SQLAlchemy take 20 MiB of each.
    from alembic import command  # noqa: PLC0415

    from leadgateway.store.migrations.alembic_connection import alembic_connection  # noqa: PLC0415

    config = _config()
    config.attributes[DEADLINE] = deadline
    with alembic_connection(connection) as config.attributes["connection"]:
        command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    try:
        found = rows(connection, "SELECT version_num FROM alembic_version")
    except SchemaMismatch:
        return None
    return str(found[0][0]) if found else None


@cache
def _older_revisions() -> frozenset[str]:
    """All but the newest; their files are named after them, and their order is that of their numbers."""
    names = (file.name for file in files("leadgateway.store.migrations").joinpath("versions").iterdir())
    return frozenset(sorted(name[:4] for name in names if _VERSION.fullmatch(name))[:-1])


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "leadgateway.store:migrations")
    config.set_main_option("path_separator", "os")
    return config
