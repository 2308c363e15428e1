"""Sending statements: one round trip each, errors by cause."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any, TypeVar

import psycopg2

from leadgateway.store.connection import Connection
from leadgateway.store.errors import Contention, OutdatedPlan, StoreError, StoreUnavailable, store_error

Row = tuple[Any, ...]
Result = TypeVar("Result")

_TRIES = 5

NOT_FOR_LOOKUPS = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin")
"""The planner's ways that are wrong for a statement which touches a few rows of large tables by their keys."""

INDEX_LOOKUPS = "".join(f"SET LOCAL {way} = off;\n" for way in NOT_FOR_LOOKUPS)
"""Goes before a statement that touches a few rows of large tables by their keys, and holds for that statement only.

The planner can't know how few rows a CTE yields. It would rather hash a whole table that it believes small or cached
(measured: three times the cost of the statement), or walk a batch once for every lead in it. This leaves it the one
plan that is right for any size of the tables.
"""


class Lookup:
    """A statement for `lookup`, which is sent often: it looks up and changes a few rows by their keys."""

    def __init__(self, name: str, sql: str) -> None:
        """Make it; one for each name.

        Args:
            name: What the sessions of PostgreSQL call it.
            sql: With `%(name)s` placeholders, whose types must follow from where they stand or from a cast.
        """
        self.name = name
        self.sql = sql
        parameters = list(dict.fromkeys(_PLACEHOLDER.findall(sql)))
        numbered = _PLACEHOLDER.sub(lambda found: f"${parameters.index(found[1]) + 1}", sql)
        self.prepare = f"PREPARE {name} AS {numbered}"
        values = ", ".join(f"%({parameter})s" for parameter in parameters)
        self.execute = f"EXECUTE {name} ({values})" if values else f"EXECUTE {name}"


_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def lookup(connection: Connection, statement: Lookup, parameters: Mapping[str, object] | None = None) -> list[Row]:
    """Run a statement in one round trip and return its rows.

    Over a connection whose engine plans lookups, PostgreSQL parses and plans it once a session rather than each time:
    for one lead that is more than half of what the statement costs, and for fifty still a third. Over any other the
    planner is told each time, see `INDEX_LOOKUPS`.

    Args:
        connection: In autocommit.
        statement: What to run.
        parameters: Values for its placeholders.

    Raises:
        StoreError: As `rows` does.
    """
    if not connection.plans_lookups:
        return rows(connection, INDEX_LOOKUPS + statement.sql, parameters)
    prepared = connection.session.prepared
    if statement.name not in prepared:
        rows(connection, statement.prepare)
        connection.session.prepared.add(statement.name)
    return rows(connection, statement.execute, parameters)


def rows(connection: Connection, sql: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
    """Run one or several statements in one round trip and return the rows of the last one.

    Args:
        connection: In autocommit: several statements sent together are one transaction.
        sql: Statements with `%(name)s` placeholders.
        parameters: Their values.

    Raises:
        StoreError: By cause, see `errors`. After an error nothing of the statements has happened, but for
            StoreUnavailable, where that is unknown.
    """
    try:
        with closing(connection.cursor()) as cursor:
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
        with closing(connection.cursor()) as cursor:
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
    if connection.is_broken or isinstance(error, OutdatedPlan):
        connection.invalidate()
    return store_error(error)
