"""Whether the operator still does its work: what its probes and the age of the last success are read from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from leadgateway.telemetry.status_port import Health

_MISSED_ROUNDS = 5
_SHORTEST_STALL = 60.0
_LONGEST_FAILURE = 900.0
"""Seconds without a success after which a restart is worth a try: a session or a watch may be stuck."""


@dataclass(slots=True)
class Pulse:
    """Notes attempts and successes.

    Attributes:
        round_seconds: How often a rebuild is attempted even if nothing happens.
        clock: Seconds that only grow.
    """

    round_seconds: float
    clock: Callable[[], float] = monotonic
    _attempted: float = field(init=False)
    _succeeded: float = field(init=False)
    _has_succeeded: bool = False

    def __post_init__(self) -> None:
        self._attempted = self._succeeded = self.clock()

    def attempted(self, *, succeeded: bool) -> None:
        """Note the end of a rebuild, failed or not."""
        self._attempted = self.clock()
        if succeeded:
            self._succeeded = self._attempted
            self._has_succeeded = True

    def seconds_since_success(self) -> float:
        """Age of the last success; before the first one, of the process."""
        return self.clock() - self._succeeded

    def health(self) -> Health:
        """Alive unless rebuilding has stalled; an API server that is away for some minutes is no stall."""
        stall = max(_MISSED_ROUNDS * self.round_seconds, _SHORTEST_STALL)
        stalled = self.clock() - self._attempted > stall
        failing = self.seconds_since_success() > max(_LONGEST_FAILURE, stall)
        age = f"{self.seconds_since_success():.0f} s ago" if self._has_succeeded else "not yet"
        return Health(
            alive=not stalled and not failing, ready=self._has_succeeded, details={"lastSuccessfulReconcile": age}
        )
