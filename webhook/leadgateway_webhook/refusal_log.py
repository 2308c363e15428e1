"""A line for a refused post, so that a correlation id can be looked up; never a flood of them."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

LINES_PER_SECOND = 10
"""Whoever sends a thousand bad posts a second must not fill the disk with a thousand lines."""

_log = structlog.get_logger(__name__)


class RefusalLog:
    """Logs the first refusals of each second, and how many it left out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with a fresh second.

        Args:
            clock: Seconds, never running back.
        """
        self._clock = clock
        self._second = 0
        self._lines = 0
        self._left_out = 0

    def note(self, *, code: str, route: str, correlation_id: str) -> None:
        """Log one refusal, or count it as left out."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._lines = second, 0
        if self._lines >= LINES_PER_SECOND:
            self._left_out += 1
            return
        self._lines += 1
        left_out, self._left_out = self._left_out, 0
        _log.info("post.refused", code=code, route=route, correlation_id=correlation_id, left_out=left_out)
