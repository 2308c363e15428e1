"""Which routes have leads waiting, found cheaply also where PostgreSQL has to keep many leads that have ended.

A look for waiting leads begins at the oldest entry of the index. Entries of leads that have ended are gone, or at least
marked, after the first look: unless an old snapshot (a backup that runs for an hour, a forgotten transaction) may still
want to see them. Then each look would step over everything that ended since, seconds of work once it is a million. So
when a look was slow, the next ones begin where it found something, a little earlier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from time import monotonic

from leadgateway.route.snapshot import RouteKey
from leadgateway.store.backlog import Waiting, still_waiting, waiting_routes
from leadgateway.store.connection import Connection

_SLOW_SECONDS = 0.05
# A lead may show up later than others that fell due after it, by as long as its commit takes. This much is looked at
# again; the few that take longer wait for the next whole look.
_MARGIN = timedelta(seconds=15)
_SHARE = 20
"""A whole look that is slow comes once in twenty times as long as it takes, and no oftener than in:"""
_LEAST_SECONDS = 10.0


class Frontier:
    """Remembers where the waiting leads of each route begin. For one thread."""

    def __init__(self, *, slow_seconds: float = _SLOW_SECONDS) -> None:
        """Nothing is known: the first look is a whole one.

        Args:
            slow_seconds: A whole look that takes longer is not repeated at once.
        """
        self._slow_seconds = slow_seconds
        self._whole_again_at = 0.0
        self._begins: Mapping[RouteKey, datetime] = {}
        self._begin_of_others: datetime | None = None

    def look(self, connection: Connection, loaded: Iterable[RouteKey]) -> Waiting:
        """Find the routes that have leads waiting, and which of them have one that may be claimed.

        Args:
            connection: Of the store.
            loaded: The routes that are looked at in any case.

        Raises:
            StoreError: By cause.
        """
        began = monotonic()
        if self._begin_of_others is None or began >= self._whole_again_at:
            waiting = waiting_routes(connection)
            took = monotonic() - began
            pause = max(took * _SHARE, _LEAST_SECONDS) if took > self._slow_seconds else 0.0
            self._whole_again_at = began + pause
        else:
            others = dict.fromkeys(loaded, self._begin_of_others)
            waiting = still_waiting(connection, {**others, **self._begins})
        self._remember(waiting)
        return waiting

    def _remember(self, waiting: Waiting) -> None:
        # A route that waits for a retry in an hour may get a new lead now.
        self._begin_of_others = waiting.at - _MARGIN
        self._begins = {route: min(oldest - _MARGIN, self._begin_of_others) for route, oldest in waiting.oldest.items()}
