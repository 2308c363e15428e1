"""Databases that come and go on a running PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
from psycopg2 import sql

from leadgateway.dev.postgres import EmbeddedPostgres


@contextmanager
def fresh_database(server: EmbeddedPostgres, name: str, *, template: str = "template1") -> Iterator[str]:
    """Give the URL of a new database; dropped at the end, open connections or not."""
    administer(server, "CREATE DATABASE {} TEMPLATE {}", name, template)
    try:
        yield server.url_of(name)
    finally:
        _drop(server, name)


def administer(server: EmbeddedPostgres, statement: str, *names: str) -> None:
    """Run one statement outside of a transaction, with names in the place of its braces."""
    with closing(psycopg2.connect(server.url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _drop(server: EmbeddedPostgres, name: str) -> None:
    # WITH (FORCE) is refused now and then: it wants to end an autovacuum worker too, which is a superuser's. A plain
    # DROP ends those by itself, and waits seconds for what else is on its way out.
    administer(server, "ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
    with closing(psycopg2.connect(server.url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND backend_type = 'client backend'",
            (name,),
        )
    administer(server, "DROP DATABASE {}", name)
