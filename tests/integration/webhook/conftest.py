"""Servers for a whole module of tests, where each test can do with rows and routes of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
import redis
from psycopg2 import sql

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.dev.valkey import EmbeddedValkey


@pytest.fixture(scope="module")
def module_database_url(
    postgres_server: EmbeddedPostgres, migrated_template: str, request: pytest.FixtureRequest
) -> Iterator[str]:
    """Where a fresh, migrated database is that the tests of a module share."""
    name = f"shared_{request.module.__name__.rpartition('.')[2]}"
    _administer(postgres_server, "CREATE DATABASE {} TEMPLATE {}", name, migrated_template)
    yield postgres_server.url_of(name)
    _administer(postgres_server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture(scope="module")
def module_valkey_url(valkey_server: EmbeddedValkey) -> str:
    """Where a Valkey is that the tests of a module share, empty at their beginning."""
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


def _administer(server: EmbeddedPostgres, statement: str, *names: str) -> None:
    with closing(psycopg2.connect(server.url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
