"""How long to gather changes before acting on them: a lone edit is served at once, a flood in a few large steps."""

from __future__ import annotations

from dataclasses import dataclass

_SHORTEST = 0.2
_LONGEST = 5.0
_CALM = 2.0


@dataclass(slots=True)
class Pace:
    """Doubles the pause while changes keep coming in, and forgets it after a calm.

    A thousand LeadRoutes applied within half a minute thus take about ten rebuilds, not hundreds.
    """

    _pause: float = _SHORTEST
    _ended: float = float("-inf")

    def pause(self, now: float) -> float:
        """Seconds to gather changes, for a rebuild that was asked for at `now` (seconds of any one clock)."""
        if now - self._ended > self._pause + _CALM:
            self._pause = _SHORTEST
        return self._pause

    def acted(self, now: float) -> None:
        """Take note that a rebuild that changed something ended at `now`."""
        self._ended = now
        self._pause = min(self._pause * 2, _LONGEST)
