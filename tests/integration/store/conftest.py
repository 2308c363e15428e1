"""One migrated database for the tests of the store, emptied before each: much quicker than a new one each time.

A test that changes the schema takes `engine_of_its_own`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.execute import rows
from leadgateway.store.tables import metadata
from tests.building.stored_leads import Worker, store_engine

EMPTY = f"""
TRUNCATE {", ".join(metadata.tables)} RESTART IDENTITY;
INSERT INTO search_progress VALUES (0, 0, 0);
ALTER SEQUENCE lead_id_seq RESTART
"""


@pytest.fixture(scope="session")
def store_database(postgres_server: EmbeddedPostgres, migrated_template: str) -> str:
    with closing(psycopg2.connect(postgres_server.url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE store TEMPLATE {migrated_template}")
    return postgres_server.url_of("store")


@pytest.fixture
def engine(store_database: str) -> Iterator[Engine]:
    engine = store_engine(store_database, pool_size=60, plans_lookups=True)
    with engine.connect() as connection:
        rows(connection, EMPTY)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def engine_of_its_own(database_url: str) -> Iterator[Engine]:
    engine = store_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def alterable(engine_of_its_own: Engine) -> Iterator[Connection]:
    """A connection to a database whose schema the test may change."""
    with engine_of_its_own.connect() as connection:
        yield connection


@pytest.fixture
def worker(connection: Connection) -> Worker:
    return Worker(connection)
