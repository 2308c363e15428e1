"""Wakes the workers after a commit, from a thread of its own: a slow or dead Redis delays no answer."""

from __future__ import annotations

import threading
from typing import Protocol

import structlog

from leadgateway_webhook.defect import describe

_PAUSE_SECONDS = 0.05
"""Commits within this time share a wake-up: one each would cost more than the posts themselves. No lead comes later by
it: a worker that found one looks for more by itself for longer than this."""

_log = structlog.get_logger(__name__)


class Bell(Protocol):
    """What is rung, see `leadgateway.queue.Bell`."""

    def ring(self) -> bool:
        """Wake a worker; never raises for an unreachable Redis."""


class Wakeups:
    """Rings a bell some time after each `announce`."""

    def __init__(self, bell: Bell) -> None:
        """Nothing is rung before `start`."""
        self._bell = bell
        self._announced = False
        self._look = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wakeups", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def announce(self) -> None:
        """Leads were committed; returns at once. Callable from any thread."""
        self._announced = True
        self._look.set()

    def stop(self, within: float) -> None:
        """Ring once more if leads were announced since the last time, then end.

        Args:
            within: The most seconds to wait for that.
        """
        self._stopping.set()
        self._look.set()
        self._thread.join(within)

    def _run(self) -> None:
        while True:
            self._look.wait()
            self._look.clear()
            if self._announced:
                self._announced = False
                self._ring()
            if self._stopping.wait(_PAUSE_SECONDS) and not self._announced:
                return

    def _ring(self) -> None:
        try:
            self._bell.ring()
        except Exception as error:
            _log.error("wakeup.defect", **describe(error))
