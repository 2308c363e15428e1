"""Keeping a part alive: started again when it dies, after a pause that grows with every death in a row."""

from __future__ import annotations

from dataclasses import dataclass

from leadgateway.dev.part import Part
from leadgateway.dev.server import AlreadyRunningError, StartError

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
STEADY_SECONDS = 20.0
"""A part that ran this long is steady: its next death is the first in a row again."""


@dataclass(frozen=True, slots=True)
class Died:
    """A part has ended by itself, or could not be started again."""

    part: str
    pause: float
    reason: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """A part that had died was started again."""

    part: str


def pause_before_restart(deaths: int) -> float:
    """Seconds to wait before a part is started after its `deaths`-th death in a row: 0.5, 1, 2, 4, 8, then 15."""
    return min(FIRST_PAUSE_SECONDS * 2.0 ** min(deaths - 1, 10), LONGEST_PAUSE_SECONDS)


class Keeper:
    """Keeps one part alive. `look` is called several times a second; times are seconds of a monotonic clock."""

    def __init__(self, name: str, part: Part) -> None:
        """Keep `part`, called `name` before people. It is started by who makes this, before the first look."""
        self.name = name
        self.part = part
        self._deaths = 0
        self._started_at = float("-inf")
        self._start_at: float | None = None

    def look(self, now: float) -> Died | Restarted | None:
        """Notice that the part has died, or start it again when its pause is over."""
        if self._start_at is not None:
            return self._start(now) if now >= self._start_at else None
        if self.part.running:
            return None
        return self._died(now, "it ended by itself")

    def _died(self, now: float, reason: str) -> Died:
        self._deaths = 1 if now - self._started_at > STEADY_SECONDS else self._deaths + 1
        pause = pause_before_restart(self._deaths)
        self._start_at = now + pause
        return Died(self.name, pause, reason)

    def _start(self, now: float) -> Died | Restarted:
        self._start_at = None
        self._started_at = now
        try:
            self.part.start()
        except (StartError, AlreadyRunningError, OSError) as error:
            return self._died(now, str(error))
        return Restarted(self.name)
