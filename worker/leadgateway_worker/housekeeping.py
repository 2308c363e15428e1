"""Removes what has had its time, now and then, in a thread with a connection of its own: no delivery waits for it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import structlog

from leadgateway.store.connection import Engine
from leadgateway.store.errors import StoreError
from leadgateway.store.housekeeping import delete_expired_keys
from leadgateway_worker import metrics

_BATCH = 1000
_LAST_SECONDS = 3.0

Chore: TypeAlias = Callable[[Engine], Iterator[None]]
"""Something to remove; yields after each transaction."""

_log = structlog.get_logger(__name__)


def expired_keys(engine: Engine, *, batch: int = _BATCH) -> Iterator[None]:
    """Delete expired deduplication keys and Idempotency-Keys. Every worker does, each skipping what another has.

    Args:
        engine: Of the store.
        batch: Keys that are deleted in one transaction at the most.
    """
    deleted = batch
    while deleted >= batch:
        with engine.connect() as connection:
            deleted = delete_expired_keys(connection, limit=batch)
        metrics.expired_keys.inc(deleted)
        yield


class HousekeepingThread:
    """Does its chores one after the other, over and over."""

    def __init__(self, engine: Engine, chores: Sequence[Chore], *, interval: float) -> None:
        """Make a thread; `start` starts it.

        Args:
            engine: Of the store, with a connection to spare.
            chores: What to do in each round.
            interval: Seconds between two rounds, give or take a quarter, so that workers go at different moments.
        """
        self._engine = engine
        self._chores = chores
        self._interval = interval
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Keep house from now on, whenever the database is there."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch that is being removed. One that hangs is left to itself."""
        self._stopping.set()
        self._thread.join(timeout=_LAST_SECONDS)

    def _run(self) -> None:
        while not self._stopping.wait(self._interval * random.uniform(0.75, 1.25)):  # noqa: S311
            for chore in self._chores:
                self._do(chore)

    def _do(self, chore: Chore) -> None:
        try:
            began = time.monotonic()
            for _ in chore(self._engine):
                # Half of the time at most: what piled up while no worker ran must not keep the database from
                # deliveries.
                if self._stopping.wait(time.monotonic() - began):
                    return
                began = time.monotonic()
        except StoreError as error:
            _log.warning("housekeeping.put_off", error=str(error))
        except Exception as error:
            _log.error("housekeeping.failed", error_type=type(error).__name__, exc_info=True)
