"""Rings the bell for other workers without making the pump wait for Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

from leadgateway.queue import Bell

_PAUSE_SECONDS = 0.1


class Announcer:
    """Gathers wake-ups in the event loop and sends them in a thread; wake-ups of the same second are one."""

    def __init__(self, bell: Bell) -> None:
        """Make an announcer for the running loop.

        Args:
            bell: What is rung.
        """
        self._bell = bell
        self._soon = False
        self._seconds: set[int] = set()
        self._asked = asyncio.Event()

    def soon(self) -> None:
        """Wake another worker: there is more to do than this one takes."""
        self._soon = True
        self._asked.set()

    def at(self, due: datetime) -> None:
        """Wake a worker when something falls due.

        Args:
            due: When, with a time zone.
        """
        self._seconds.add(-int(-due.timestamp() // 1))
        self._asked.set()

    async def run(self) -> None:
        """Send wake-ups as they come, for ever."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            soon, self._soon = self._soon, False
            seconds, self._seconds = self._seconds, set()
            await asyncio.to_thread(self._ring, soon=soon, seconds=sorted(seconds))
            await asyncio.sleep(_PAUSE_SECONDS)

    def _ring(self, *, soon: bool, seconds: Iterable[int]) -> None:
        # Without Redis the first one tells; to try them all would only take time. The sweep finds what is due.
        if soon and not self._bell.ring():
            return
        for second in seconds:
            if not self._bell.ring_at(datetime.fromtimestamp(second, UTC)):
                return
