"""The connection of the one who migrates, as Alembic wants it: SQLAlchemy's, and in transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import StaticPool

from leadgateway.store.connection import Connection
from leadgateway.store.errors import StoreError, store_error


@contextmanager
def alembic_connection(connection: Connection) -> Iterator[sqlalchemy.Connection]:
    """Lend a connection, with the locks and settings of its session, to SQLAlchemy.

    Args:
        connection: In autocommit; it is so again afterwards, and what was not committed is undone.

    Raises:
        StoreError: By the cause of what psycopg2 raises within.
    """
    driver = connection.session.driver
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg2://",
        creator=lambda: driver,
        poolclass=StaticPool,
        isolation_level="READ COMMITTED",
        hide_parameters=True,  # an error's text would quote what is in the tables
    )
    event.listen(engine, "handle_error", _by_cause)
    try:
        with engine.connect() as lent:
            yield lent
    finally:
        if not driver.closed:
            driver.autocommit = True


def _by_cause(context: ExceptionContext) -> StoreError | None:
    error = context.original_exception
    return store_error(error) if isinstance(error, psycopg2.Error) else None
