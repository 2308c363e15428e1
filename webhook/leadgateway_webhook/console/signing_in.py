"""Slows down those who try passwords: a few wrong ones from an address, and it has to wait."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_FAILURES = 5
WINDOW_SECONDS = 60.0
_MOST_ADDRESSES = 10_000


class Attempts:
    """Counts wrong passwords by address, for a minute each; used by one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin at nothing.

        Args:
            clock: Seconds.
        """
        self._clock = clock
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait_seconds(self, address: str) -> int:
        """How long an address has to wait before it may try again; 0: not at all."""
        now = self._clock()
        recent = [at for at in self._failures.get(address, ()) if now - at < WINDOW_SECONDS]
        return 0 if len(recent) < MOST_FAILURES else int(WINDOW_SECONDS - (now - recent[-MOST_FAILURES])) + 1

    def failed(self, address: str) -> None:
        """A wrong password came from an address."""
        now = self._clock()
        recent = [at for at in self._failures.pop(address, ()) if now - at < WINDOW_SECONDS]
        self._failures[address] = [*recent, now][-MOST_FAILURES:]
        # Whoever has ten thousand addresses isn't held up by this; memory must be.
        while len(self._failures) > _MOST_ADDRESSES:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """The right one came: what went wrong before is forgotten."""
        self._failures.pop(address, None)
