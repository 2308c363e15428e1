"""Sending statements: one round trip each, errors by cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any, TypeVar

import psycopg2
from sqlalchemy import Connection

from leadgateway.store.errors import Contention, StoreError, StoreUnavailable, store_error

Row = tuple[Any, ...]
Result = TypeVar("Result")

_TRIES = 5

INDEX_LOOKUPS = """
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
"""
"""Goes before a statement that touches a few rows of large tables by their keys, and holds for that statement only.

The planner can't know how few rows a CTE yields. It would rather hash a whole table that it believes small or cached
(measured: three times the cost of the statement), or walk a batch once for every lead in it. This leaves it the one
plan that is right for any size of the tables.
"""


def rows(connection: Connection, sql: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
    """Run one or several statements in one round trip and return the rows of the last one.

    Goes past SQLAlchemy's compiler and result objects, which cost more here than the statement itself, but keeps its
    pool informed about broken connections.

    Args:
        connection: Of an engine in autocommit: several statements sent together are one transaction.
        sql: Statements with `%(name)s` placeholders.
        parameters: Their values.

    Raises:
        StoreError: By cause, see `errors`. After an error nothing of the statements has happened, but for
            StoreUnavailable, where that is unknown.
    """
    try:
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall()) if cursor.description else []
    except psycopg2.Error as error:
        raise _cause(connection, error) from None


def records(connection: Connection, sql: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
    """The rows of a query by the names of its columns, `bytea` as bytes; for what people ask, not for hot paths.

    Raises:
        StoreError: As `rows` does.
    """
    try:
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(sql, parameters)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, map(_plain, row), strict=True)) for row in cursor.fetchall()]
    except psycopg2.Error as error:
        raise _cause(connection, error) from None


def retrying(action: Callable[[], Result]) -> Result:
    """Repeat a whole transaction that was undone because another one got in its way.

    Raises:
        StoreError: As `action` does; Contention only after five tries.
    """
    for _ in range(_TRIES - 1):
        try:
            return action()
        except Contention:
            continue
    return action()


@contextmanager
def undone_on_error(connection: Connection) -> Iterator[None]:
    """Roll the transaction back that the block began (with a BEGIN of its own) if the block raises anything."""
    try:
        yield
    except BaseException:
        with suppress(StoreUnavailable):  # a broken connection has rolled back already
            rows(connection, "ROLLBACK")
        raise


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


def _cause(connection: Connection, error: psycopg2.Error) -> StoreError:
    if connection.connection.dbapi_connection is None or connection.connection.dbapi_connection.closed:
        connection.invalidate()
    return store_error(error)
