"""What this worker sees of the routes' circuit breakers, and what it tells: once a second, all routes together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog

from leadgateway.route.snapshot import RouteKey
from leadgateway.store import breaker
from leadgateway.store.breaker import LEAST_LEADS, Counted, OpenBreaker, Probe, Tally, opens
from leadgateway.store.claims import Claim
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.errors import StoreError
from leadgateway_worker import metrics

_PERIOD_SECONDS = 1.0
_PERIOD = timedelta(seconds=_PERIOD_SECONDS)
_NEVER = timedelta.max
# Values of the gauge; closed breakers have none.
_OPEN = 1
_PROBING = 2

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the database knew after we had told what we know."""

    closed: Sequence[RouteKey]
    opened: Sequence[Tally]
    open: Mapping[RouteKey, OpenBreaker]
    suspects: frozenset[RouteKey]


@dataclass(slots=True)
class _Count:
    """The attempts of a route; of each of a healthy route, too, so it is counted in place."""

    route: RouteKey
    attempts: int = 0
    failures: int = 0
    leads: set[int] = field(default_factory=set)

    def add(self, lead_id: int, *, failed: bool) -> None:
        self.attempts += 1
        self.failures += failed
        if len(self.leads) < LEAST_LEADS:
            self.leads.add(lead_id)

    def as_tally(self) -> Tally:
        return Tally(self.route, self.attempts, self.failures, len(self.leads))

    def as_counted(self) -> Counted:
        return Counted(self.route, self.attempts, self.failures, frozenset(self.leads))


@dataclass(slots=True)
class _Unsaid:
    """What was not told yet."""

    counts: dict[RouteKey, _Count] = field(default_factory=dict)
    answered: list[Probe] = field(default_factory=list)
    unsent: list[Probe] = field(default_factory=list)


class Breakers:
    """Counts attempts, tells the counts of routes with failures, and opens and closes breakers. Belongs to one loop.

    Of a route nobody saw fail within the last minute, only failures are worth telling: so a route that is well costs
    nothing, and the minute that is judged begins with a failure.
    """

    def __init__(
        self, engine: Engine, *, worker: str, closed: Callable[[], None], probe_in: Callable[[timedelta], None]
    ) -> None:
        """All are taken for closed until `run` knows more.

        Args:
            engine: Of the store.
            worker: This process's name.
            closed: Is called when a route's leads may be delivered again.
            probe_in: Is told how long until the next lead of a route may be tried.
        """
        self._engine = engine
        self._worker = worker
        self._closed = closed
        self._probe_in = probe_in
        self._unsaid = _Unsaid()
        self._suspects: frozenset[RouteKey] = frozenset()
        self._open: Mapping[RouteKey, OpenBreaker] = {}
        self._urgent = asyncio.Event()

    @property
    def open(self) -> Mapping[RouteKey, OpenBreaker]:
        """The breakers that are open, as of the last second; from any thread."""
        return self._open

    def attempted(self, claim: Claim, *, failed: bool) -> None:
        """Note an attempt that has come to its end.

        Args:
            claim: The lead.
            failed: The customer was not there: the attempt is one to be repeated, retries left or not.
        """
        count = self._unsaid.counts.get(claim.route)
        if count is None:
            count = self._unsaid.counts[claim.route] = _Count(claim.route)
        count.add(claim.lead_id, failed=failed)
        if failed and claim.route not in self._open and opens(count.as_tally()):
            self._urgent.set()  # a customer that fails at once would go through thousands of leads within a second
        if claim.probe:
            metrics.breaker_probes.labels("failed" if failed else "answered").inc()
            if not failed:
                self._unsaid.answered.append(Probe(claim.lead_id, claim.token))
                self._urgent.set()

    def not_sent(self, claim: Claim) -> None:
        """Note a lead that was claimed and turned out not to be for the customer."""
        if claim.probe:
            self._unsaid.unsent.append(Probe(claim.lead_id, claim.token))
            self._urgent.set()

    async def run(self, *, in_thread: Callable[[Callable[[], _Seen]], Awaitable[_Seen]]) -> None:
        """Tell and learn, for ever.

        Args:
            in_thread: Runs what blocks in a thread that may use the engine.
        """
        while True:
            unsaid, self._unsaid = self._unsaid, _Unsaid()
            try:
                self._take_note(await in_thread(partial(self._exchange, unsaid)))
            except StoreError:
                # The look for leads says so. What this second's counts would have told, the next ones tell; but that a
                # probe was answered must not be forgotten.
                self._unsaid.answered += unsaid.answered
                self._unsaid.unsent += unsaid.unsent
                await asyncio.sleep(_PERIOD_SECONDS)
            try:
                async with asyncio.timeout(_PERIOD_SECONDS):
                    await self._urgent.wait()
            except TimeoutError:
                continue
            self._urgent.clear()

    def _exchange(self, unsaid: _Unsaid) -> _Seen:
        seen = unsaid.counts.values()
        counts = [count.as_counted() for count in seen if count.failures or count.route in self._suspects]
        with self._engine.connect() as connection:
            breaker.count(connection, counts, worker=self._worker)
            closed = breaker.close_breakers(connection, unsaid.answered, worker=self._worker) if unsaid.answered else []
            if unsaid.unsent:
                breaker.probe_another(connection, unsaid.unsent)
            tallies = breaker.tallies(connection)
            opened = self._open_what_must(connection, tallies)
            now_open = breaker.open_breakers(connection)
        return _Seen(
            closed=closed,
            opened=opened,
            open={each.opening.route: each for each in now_open},
            suspects=frozenset(tally.route for tally in tallies),
        )

    def _open_what_must(self, connection: Connection, tallies: Sequence[Tally]) -> list[Tally]:
        return [
            tally for tally in tallies if opens(tally) and breaker.open_breaker(connection, tally, worker=self._worker)
        ]

    def _take_note(self, seen: _Seen) -> None:
        for tally in seen.opened:
            metrics.breaker_openings.inc()
            _log.warning("breaker.opened", route=tally.route, attempts=tally.attempts, failures=tally.failures)
        for route in seen.closed:
            _log.info("breaker.closed", route=route)
        gone = self._open.keys() - seen.open.keys()
        self._open, self._suspects = seen.open, seen.suspects
        _show(seen.open, gone)
        if seen.closed or gone:
            self._closed()
        next_probe = min((each.probe_in for each in seen.open.values()), default=_NEVER)
        if next_probe <= 2 * _PERIOD:
            self._probe_in(next_probe)


def _show(now_open: Mapping[RouteKey, OpenBreaker], gone: Iterable[RouteKey]) -> None:
    for route in gone:
        metrics.breaker_state.remove(route)
    for route, breaker_now in now_open.items():
        metrics.breaker_state.labels(route).set(_PROBING if breaker_now.probing else _OPEN)
