"""Servers for a whole module of tests, where each test can do with rows and routes of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.dev.valkey import EmbeddedValkey
from leadgateway.store.connection import Connection
from tests.building.console import LOCKED, ConsoleProcess
from tests.building.databases import fresh_database
from tests.building.stored_leads import store_engine
from tests.building.worker import publish_solar


@pytest.fixture(scope="module")
def module_database_url(
    postgres_server: EmbeddedPostgres, migrated_template: str, request: pytest.FixtureRequest
) -> Iterator[str]:
    """Where a fresh, migrated database is that the tests of a module share."""
    name = f"shared_{request.module.__name__.rpartition('.')[2]}"
    with fresh_database(postgres_server, name, template=migrated_template) as url:
        yield url


@pytest.fixture(scope="module")
def module_valkey_url(valkey_server: EmbeddedValkey) -> str:
    """Where a Valkey is that the tests of a module share, empty at their beginning."""
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


@pytest.fixture(scope="module")
def console(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleProcess]:
    """A console that asks for a token, over the database that the tests of a module share."""
    routes = tmp_path_factory.mktemp("routes")
    publish_solar(routes, "http://127.0.0.1:1/")
    with ConsoleProcess(routes, database=module_database_url, **LOCKED) as running:
        yield running.until_ready()


@pytest.fixture
def connection(module_database_url: str) -> Iterator[Connection]:
    """To that database."""
    engine = store_engine(module_database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()
