"""A few connections to PostgreSQL that the threads of a process take in turn.

Made for what the store does: statements in autocommit over psycopg2, in few round trips. A pool of SQLAlchemy's would
take 12 MiB of each webhook and worker, and nothing else of it is used there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from psycopg2.extensions import connection as PsycopgConnection  # noqa: N812
from psycopg2.extensions import cursor as PsycopgCursor  # noqa: N812

from leadgateway.store.errors import StoreUnavailable

_PING_AFTER_SECONDS = 1.0
_PATIENCE_SECONDS = 30.0
"""For a connection that another thread has. Each thread of ours has its own, so nobody should ever wait."""


class Session:
    """A connection as PostgreSQL sees it: what was prepared in it is gone when it ends.

    Attributes:
        driver: psycopg2's side of it, in autocommit.
        prepared: The names of the statements that were prepared in it.
    """

    __slots__ = ("driver", "idle_since", "prepared")

    def __init__(self, driver: PsycopgConnection) -> None:
        """Nothing was prepared yet."""
        self.driver = driver
        self.prepared: set[str] = set()
        self.idle_since = time.monotonic()

    def is_alive(self) -> bool:
        """Whether it can be handed out; asks the server if it has been idle for a second."""
        if self.driver.closed or self.driver.get_transaction_status() != TRANSACTION_STATUS_IDLE:
            return False
        if time.monotonic() - self.idle_since < _PING_AFTER_SECONDS:
            return True
        try:
            with self.driver.cursor() as cursor:
                cursor.execute("SELECT 1")
        except psycopg2.Error:
            return False
        return True

    def end(self) -> None:
        """Close it; never raises."""
        with suppress(psycopg2.Error):
            self.driver.close()


class Connection:
    """A connection for one thread at a time, from `Engine.connect` until `close`.

    One that broke is replaced when it is used again.
    """

    __slots__ = ("_engine", "_is_closed", "_session")

    def __init__(self, engine: Engine, session: Session) -> None:
        """See `Engine.connect`."""
        self._engine = engine
        self._session: Session | None = session
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def session(self) -> Session:
        """What statements are sent over.

        Raises:
            StoreUnavailable: The last one broke, and there is no new one; or the connection was given back.
        """
        if self._is_closed:
            raise StoreUnavailable("the connection was given back")
        if self._session is None:
            self._session = self._engine.open_session()
        return self._session

    @property
    def plans_lookups(self) -> bool:
        """Whether its sessions are set up for statements that look up a few rows by their keys."""
        return self._engine.plans_lookups

    @property
    def is_broken(self) -> bool:
        """Whether there is nothing to send statements over until it is used again."""
        return self._session is None or bool(self._session.driver.closed)

    def cursor(self) -> PsycopgCursor:
        """A cursor of psycopg2; raises as `session` does."""
        return self.session.driver.cursor()

    def invalidate(self) -> None:
        """End the session, so that nobody gets it afterwards; never raises."""
        session, self._session = self._session, None
        if session is not None:
            session.end()

    def close(self) -> None:
        """Give it back; whatever was begun and not committed is undone. Never raises."""
        if not self._is_closed:
            self._is_closed = True
            session, self._session = self._session, None
            self._engine.take_back(session)


class Engine:
    """Makes connections, and keeps those that nobody has at the moment."""

    def __init__(self, connect: Callable[[], PsycopgConnection], *, size: int, plans_lookups: bool = False) -> None:
        """Nothing is connected yet.

        Args:
            connect: Makes a connection in autocommit, or raises `StoreError`.
            size: Connections at the most.
            plans_lookups: What `connect` sets up lets the planner do nothing but look up rows by their keys.
        """
        self._connect = connect
        self.plans_lookups = plans_lookups
        self._turns = threading.BoundedSemaphore(size)
        self._lock = threading.Lock()
        self._idle: list[Session] = []
        self._in_use = 0

    @property
    def in_use(self) -> int:
        """Connections that were handed out and not given back."""
        return self._in_use

    @property
    def open_connections(self) -> int:
        """All connections, those in use and those that wait for the next one."""
        return self._in_use + len(self._idle)

    def connect(self) -> Connection:
        """Hand out a connection that worked a second ago at the longest.

        Raises:
            StoreUnavailable: PostgreSQL can't be reached, or all connections have been in use for half a minute.
        """
        if not self._turns.acquire(timeout=_PATIENCE_SECONDS):
            raise StoreUnavailable("all connections of this process are in use")
        try:
            session = self._idle_session() or self.open_session()
        except BaseException:
            self._turns.release()
            raise
        with self._lock:
            self._in_use += 1
        return Connection(self, session)

    def open_session(self) -> Session:
        """Connect anew.

        Raises:
            StoreError: There is no connection.
        """
        return Session(self._connect())

    def take_back(self, session: Session | None) -> None:
        """Keep a session for the next one, unless it ended or is in the middle of something."""
        with self._lock:
            self._in_use -= 1
            if session is not None and session.driver.get_transaction_status() == TRANSACTION_STATUS_IDLE:
                session.idle_since = time.monotonic()
                self._idle.append(session)
                session = None
        if session is not None:
            session.end()
        self._turns.release()

    def dispose(self) -> None:
        """End all connections that nobody has."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.end()

    def _idle_session(self) -> Session | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                session = self._idle.pop()
            if session.is_alive():
                return session
            session.end()
