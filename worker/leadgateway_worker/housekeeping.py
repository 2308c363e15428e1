"""Removes what has had its time, now and then, in a thread with a connection of its own: no delivery waits for it."""

from __future__ import annotations

import random
import threading
import time

import structlog
from sqlalchemy import Engine

from leadgateway.store.errors import StoreError
from leadgateway.store.housekeeping import delete_expired_keys
from leadgateway_worker import metrics

_BATCH = 1000
_LAST_SECONDS = 3.0

_log = structlog.get_logger(__name__)


class HousekeepingThread:
    """Deletes expired deduplication keys and Idempotency-Keys. Every worker does, each skipping what another has."""

    def __init__(self, engine: Engine, *, interval: float, batch: int = _BATCH) -> None:
        """Make a thread; `start` starts it.

        Args:
            engine: Of the store, with a connection to spare.
            interval: Seconds between two rounds, give or take a quarter, so that workers go at different moments.
            batch: Keys that are deleted in one transaction at the most.
        """
        self._engine = engine
        self._interval = interval
        self._batch = batch
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Keep house from now on, whenever the database is there."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch that is being deleted. One that hangs is left to itself."""
        self._stopping.set()
        self._thread.join(timeout=_LAST_SECONDS)

    def _run(self) -> None:
        while not self._stopping.wait(self._interval * random.uniform(0.75, 1.25)):  # noqa: S311
            try:
                self._delete_expired_keys()
            except StoreError as error:
                _log.warning("housekeeping.put_off", error=str(error))
            except Exception as error:
                _log.error("housekeeping.failed", error=type(error).__name__, exc_info=True)

    def _delete_expired_keys(self) -> None:
        deleted = self._batch
        while deleted >= self._batch and not self._stopping.is_set():
            began = time.monotonic()
            with self._engine.connect() as connection:
                deleted = delete_expired_keys(connection, limit=self._batch)
            metrics.expired_keys.inc(deleted)
            # Half of the time at most: what piled up while no worker ran must not keep the database from deliveries.
            self._stopping.wait(time.monotonic() - began)
