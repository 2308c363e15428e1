"""The thread that the pump lives in, whose death never goes unnoticed."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog
import uvloop

from leadgateway_worker.pump import Pump

_log = structlog.get_logger(__name__)


class PumpThread(threading.Thread):
    """Runs the pump on uvloop from start to end."""

    def __init__(self, pump: Pump, *, died: Callable[[], None]) -> None:
        """Make the thread.

        Args:
            pump: What runs in it.
            died: Called in the thread when the pump ends by a defect.
        """
        super().__init__(name="pump", daemon=True)
        self._pump = pump
        self._died = died
        self.failed = False

    def run(self) -> None:
        """Run the pump."""
        try:
            uvloop.run(self._pump.run())
        except BaseException as error:
            self.failed = True
            _log.critical("pump.died", error_type=type(error).__name__, exc_info=True)
            self._died()
