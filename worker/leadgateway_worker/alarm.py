"""Timers of the pump's loop, at most ten a second however many retries fall due."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import timedelta

_PER_SECOND = 10


class Alarm:
    """Calls when something falls due; what falls due within a tenth of a second is one call, not early."""

    def __init__(self, call: Callable[[], None]) -> None:
        """No timer runs yet.

        Args:
            call: Is called in the loop.
        """
        self._call = call
        self._set: set[int] = set()

    def set(self, delay: timedelta) -> None:
        """Call after a delay, counted from now."""
        loop = asyncio.get_running_loop()
        tick = math.ceil((loop.time() + delay.total_seconds()) * _PER_SECOND)
        if tick not in self._set:
            self._set.add(tick)
            loop.call_at(tick / _PER_SECOND, self._ring, tick)

    def _ring(self, tick: int) -> None:
        self._set.discard(tick)
        self._call()
