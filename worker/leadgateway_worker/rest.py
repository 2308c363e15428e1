"""Whether the pump rests and so needs to be called, for threads that would call it."""

from __future__ import annotations

import threading


class Rest:
    """Begins and ends in one thread, and is awaited in others."""

    def __init__(self) -> None:
        """It has begun."""
        self._begun = threading.Event()
        self._begun.set()

    def begin(self) -> None:
        """Let those go on who wait."""
        if not self._begun.is_set():
            self._begun.set()

    def end(self) -> None:
        """Make whoever waits from now on wait."""
        if self._begun.is_set():
            self._begun.clear()

    def wait(self, seconds: float) -> None:
        """Wait until it has begun.

        Args:
            seconds: How long to wait at the most.
        """
        self._begun.wait(seconds)
