"""Tells what waits in the database, as metrics: one worker for all, since the answer is the same for each of them."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping

import structlog

from leadgateway.route.snapshot import RouteKey, RouteSnapshot
from leadgateway.store.backlog import backlog, server_connections
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.election import elect
from leadgateway.store.errors import StoreError
from leadgateway_worker.backlog_metrics import BacklogMetrics, Tally, families

_OFFICE = "backlog"
_SHARE = 100
"""The query may take one part in so many of the time: it reads all that waits, which must not slow delivery down."""
_LONGEST_PAUSE_SECONDS = 120.0
"""Yet counts never get as old as what LeadGatewayBacklogUnknown fires at, five minutes."""
_LAST_SECONDS = 3.0

Routes = Mapping[RouteKey, RouteSnapshot]

_log = structlog.get_logger(__name__)


class BacklogExporter:
    """Looks every few seconds, in a thread, while this worker holds the office; tries to take it while it does not."""

    def __init__(
        self, engine: Engine, routes: Callable[[], Routes], *, interval: float, metrics: BacklogMetrics
    ) -> None:
        """Make a thread; `start` starts it.

        Args:
            engine: Of the store, with a connection to spare.
            routes: Gives the routes that are loaded now.
            interval: Seconds between two looks.
            metrics: Where the result goes.
        """
        self._engine = engine
        self._routes = routes
        self._interval = interval
        self._metrics = metrics
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="backlog", daemon=True)

    def start(self) -> None:
        """Look from now on, whenever the database is there."""
        self._thread.start()

    def stop(self) -> None:
        """End, and let another worker take over. A look that hangs is left to itself."""
        self._stopping.set()
        self._thread.join(timeout=_LAST_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._engine.connect() as connection:
                    if elect(connection, _OFFICE):
                        self._hold_office(connection)
            except StoreError as error:
                _log.debug("backlog.unknown", error=str(error))
            except Exception as error:
                _log.error("backlog.failed", error_type=type(error).__name__, exc_info=True)
            self._stopping.wait(self._interval * random.uniform(0.75, 1.25))  # noqa: S311

    def _hold_office(self, connection: Connection) -> None:
        _log.info("backlog.elected")
        try:
            while not self._stopping.is_set():
                tally = self._metrics.tally = count(connection, self._routes())
                self._stopping.wait(pause_seconds(self._interval, tally.took))
        finally:
            self._metrics.tally = None
            connection.invalidate()  # the lock ends with its connection


def pause_seconds(interval: float, took: float) -> float:
    """How long to wait until the next look.

    Args:
        interval: Seconds between two looks that cost next to nothing.
        took: Seconds that the last one took.
    """
    return max(interval, min(took * _SHARE, _LONGEST_PAUSE_SECONDS))


def count(connection: Connection, routes: Routes) -> Tally:
    """Ask the database what waits.

    Args:
        connection: In autocommit.
        routes: Those that are loaded.

    Raises:
        StoreError: There is no answer.
    """
    began = time.monotonic()
    waiting, server = backlog(connection), server_connections(connection)
    ended = time.monotonic()
    return Tally(families(waiting, routes), server, ended - began, ended)
