"""Servers for a whole module of tests, where each test can do with rows and routes of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.dev.valkey import EmbeddedValkey
from tests.building.databases import fresh_database


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
