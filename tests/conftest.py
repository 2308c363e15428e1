"""Real servers for the tests: a PostgreSQL and a Valkey for each pytest process, fresh contents for each test.

All servers end with the pytest process that started them, even when it is killed.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.dev.valkey import EmbeddedValkey
from tests import hypothesis_profiles
from tests.building.databases import administer, fresh_database

MIGRATED = "migrated"
"""The database that fresh ones are copied from."""

MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 8 * 1024**3

_numbers = itertools.count(1)

hypothesis_profiles.load()


@pytest.fixture(scope="session")
def session_folder() -> Iterator[Path]:
    """A folder for the data of servers, also when root runs the tests (pytest's own is closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="leadgateway-tests-", dir=_place_for_data()))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server_folder(session_folder: Path) -> Path:
    """A new folder below `session_folder`, for a test that starts servers of its own."""
    folder = session_folder / f"servers-{next(_numbers)}"
    folder.mkdir(mode=0o711)
    return folder


@pytest.fixture(scope="session")
def postgres_server(session_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A running PostgreSQL for all tests of this process. A test that stops it starts it again."""
    with EmbeddedPostgres(session_folder / "postgres", durable=False) as server:
        yield server


@pytest.fixture
def empty_database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """Where a fresh database without any table is; dropped after the test, open connections or not."""
    name = f"empty_{next(_numbers)}"
    with fresh_database(postgres_server, name) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_template(postgres_server: EmbeddedPostgres) -> str:
    """The name of a database to which all migrations were applied, to copy from."""
    from leadgateway.settings import DatabaseSettings
    from leadgateway.store.migrations import migrate

    administer(postgres_server, "CREATE DATABASE {}", MIGRATED)
    migrate(DatabaseSettings(DATABASE_URL=postgres_server.url_of(MIGRATED)))
    return MIGRATED


@pytest.fixture
def database_url(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[str]:
    """Where a fresh, migrated database is; dropped after the test, open connections or not."""
    name = f"fresh_{next(_numbers)}"
    with fresh_database(postgres_server, name, template=migrated_template) as url:
        yield url


@pytest.fixture(scope="session")
def valkey_server(session_folder: Path) -> Iterator[EmbeddedValkey]:
    """A running Valkey for all tests of this process. A test that stops it starts it again."""
    with EmbeddedValkey(session_folder / "valkey", durable=False) as server:
        yield server


@pytest.fixture
def valkey_url(valkey_server: EmbeddedValkey) -> str:
    """Where an empty Valkey is."""
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


def _place_for_data() -> Path | None:
    """Memory, where there is plenty: making and removing some twenty clusters on disk takes longer than the tests."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES:
        return MEMORY
    return None
