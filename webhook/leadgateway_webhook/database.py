"""The writer's way to PostgreSQL: one connection of its own, made when it is needed and dropped when it fails."""

from __future__ import annotations

import select
from collections.abc import Sequence
from datetime import timedelta

from leadgateway.settings import DatabaseSettings
from leadgateway.store.connection import Connection
from leadgateway.store.engine import create_store_engine
from leadgateway.store.errors import SchemaMismatch, StoreUnavailable
from leadgateway.store.intake import Answer, NewLead, store_batch
from leadgateway.store.migrations import schema_is_current


class LeadStore:
    """Stores batches of leads; see `leadgateway_webhook.writer.Store`."""

    def __init__(self, settings: DatabaseSettings, *, statement_timeout: timedelta) -> None:
        """Nothing is connected before `connect`.

        Args:
            settings: Where PostgreSQL is.
            statement_timeout: A statement that takes longer is undone: its posts have been refused meanwhile.
        """
        self._engine = create_store_engine(
            settings,
            application_name="leadgateway webhook",
            statement_timeout=statement_timeout,
            pool_size=1,
            plans_lookups=True,
        )
        self._connection: Connection | None = None
        self.has_seen_schema = False
        """Whether the schema was current once; what happens to the database later doesn't take that back."""

    def connect(self) -> None:
        """Connect anew.

        Raises:
            StoreUnavailable: PostgreSQL can't be reached.
            SchemaMismatch: It can, and waits for `leadgateway migrate`.
        """
        self.close()
        connection = self._engine.connect()
        if not schema_is_current(connection):
            connection.close()
            raise SchemaMismatch("the schema is older than this version needs: run `leadgateway migrate`")
        self._connection, self.has_seen_schema = connection, True

    @property
    def open_connections(self) -> int:
        """Connections to PostgreSQL."""
        return self._engine.open_connections

    def is_intact(self) -> bool:
        """Whether the idle connection has nothing to tell: what a server says unasked is that it ends."""
        connection = self._connection
        if connection is None or connection.is_broken:
            return False
        return not _is_readable(connection.session.driver.fileno())

    def check(self) -> None:
        """Ask for an answer.

        Raises:
            StoreError: There is none.
        """
        if not self.is_intact():
            raise StoreUnavailable("the connection was closed")
        schema_is_current(self._usable())

    def write(self, batch: Sequence[NewLead]) -> list[Answer]:
        """Store a batch; see `leadgateway.store.intake.store_batch`."""
        return store_batch(self._usable(), batch)

    def close(self) -> None:
        """End the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # Not back to the pool: whatever made us close it is not worth finding out about again.
            connection.invalidate()
            connection.close()

    def _usable(self) -> Connection:
        if self._connection is None:
            raise StoreUnavailable("there is no connection")
        return self._connection


def _is_readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
