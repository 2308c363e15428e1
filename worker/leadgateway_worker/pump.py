"""The pump: takes due leads, delivers them side by side, hands on what came of it, as long as the process lives.

It is an asyncio loop in a thread of its own. Whatever calls for it (a wake-up, the sweep, a free slot, a retry that
falls due) only sets its event; what there is to do stands in the database.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import TypeVar

import structlog

from leadgateway.queue import Bell
from leadgateway.route.snapshot import RouteKey, RouteSnapshot
from leadgateway.store.breaker import OpenBreaker
from leadgateway.store.connection import Engine
from leadgateway.store.errors import StoreError
from leadgateway.store.outcomes import Released, Retry
from leadgateway_worker import metrics
from leadgateway_worker.alarm import Alarm
from leadgateway_worker.announcer import Announcer
from leadgateway_worker.breakers import Breakers
from leadgateway_worker.deliveries import Deliveries
from leadgateway_worker.delivery import open_delivery
from leadgateway_worker.preparation import Preparation, Prepared
from leadgateway_worker.report import tell
from leadgateway_worker.rest import Rest
from leadgateway_worker.results import Result, ResultsWriter
from leadgateway_worker.slots import Slots
from leadgateway_worker.spans import NO_SPANS, LeadSpans
from leadgateway_worker.tasks import cancel, first_end

Routes = Mapping[RouteKey, RouteSnapshot]
Brought = TypeVar("Brought")

_MOST_AT_ONCE = 500
"""Leads one look takes: the last of them waits for the others to be mapped, while its lease runs."""
# What falls due and which slots are given back within this time after a look share the next one. Measured with a fast
# customer: a third less CPU a lead and more leads a second than without, since every look is worth its round trips.
_GATHER_SECONDS = 0.01
# Where leads were due, more come: the pump looks again by itself, so that under a steady flow no lead needs a wake-up
# of its own, which comes late through Redis (at 100 leads a second after 30 ms) and costs the two processes as much as
# five looks that bring nothing. The more a look brought, the later the next: few leads are quick on their way, many
# share it. When none has come for this long, the pump rests until it is called.
_FLOW_SECONDS = 0.1
_NEXT_LOOK_SECONDS = 0.005
_NEXT_LOOK_SECONDS_PER_LEAD = 0.001
_LATEST_NEXT_LOOK_SECONDS = 0.05
_LAST_WRITE_SECONDS = 10.0
_FIRST_WAIT_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 5.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PumpSettings:
    """What a pump is told.

    Attributes:
        worker: This process's name, unique among all workers.
        capacity: Deliveries at the same time at the most, all routes together.
        lease_margin: How much longer than its deadline a delivery's lease is.
        sweep_seconds: Time between two sweeps.
        grace_seconds: How long deliveries may go on once the pump is asked to stop.
        allow_private_networks: Whether routes may be allowed to reach private addresses.
        pass_trace_context: Whether customers are sent the trace context of a lead.
    """

    worker: str
    capacity: int
    lease_margin: timedelta
    sweep_seconds: float
    grace_seconds: float
    allow_private_networks: bool
    pass_trace_context: bool = False


def _next_look_seconds(leads: int) -> float:
    return min(_NEXT_LOOK_SECONDS + leads * _NEXT_LOOK_SECONDS_PER_LEAD, _LATEST_NEXT_LOOK_SECONDS)


class Pump:
    """See the module. Everything but `wake`, `stop` and the properties belongs to its loop."""

    def __init__(
        self,
        settings: PumpSettings,
        *,
        engine: Engine,
        routes: Callable[[], Routes],
        bell: Bell,
        spans: LeadSpans = NO_SPANS,
    ) -> None:
        """Make a pump; `run` starts it.

        Args:
            settings: What it is told.
            engine: Of the store, with at least two connections.
            routes: Gives the routes that are loaded now.
            bell: Wakes other workers.
            spans: Records what is done with leads.
        """
        self._settings = settings
        self._routes = routes
        self._preparation = Preparation(
            engine,
            worker=settings.worker,
            lease_margin=settings.lease_margin,
            pass_trace_context=settings.pass_trace_context,
            spans=spans,
        )
        self._spans = spans
        self._results = ResultsWriter(engine, worker=settings.worker, written=self._written)
        self._announcer = Announcer(bell)
        self._slots = Slots(settings.capacity)
        self._hungry: set[RouteKey] = set()
        self._event = asyncio.Event()
        self._stopping = asyncio.Event()
        self._alarm = Alarm(self._event.set)
        self._breakers = Breakers(
            engine, worker=settings.worker, closed=self._woken_by_breaker, probe_in=self._alarm.set
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="claims")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next_look: asyncio.TimerHandle | None = None
        self._flowing_until = 0.0
        self._rest = Rest()
        self._beat = monotonic()
        self._looked = False
        self._available: bool | None = None
        self._sweeping = False
        metrics.in_flight.set_function(lambda: self._slots.total)
        metrics.in_flight_limit.set(settings.capacity)

    def wake(self) -> None:
        """Make the pump look for due leads; from any thread, before `run` and after its end, too."""
        self._rest.end()
        self._call(self._woken)

    def await_rest(self, seconds: float) -> None:
        """Wait until the pump does not look by itself, so that it has to be called. From any thread.

        Args:
            seconds: How long to wait at the most.
        """
        self._rest.wait(seconds)

    def stop(self) -> None:
        """Make `run` return: no new leads, and those in flight have the grace period. From any thread."""
        self._call(self._stop)

    @property
    def silent_seconds(self) -> float:
        """How long the loop has not moved."""
        return monotonic() - self._beat

    @property
    def has_looked(self) -> bool:
        """Whether the database has been there once, with our tables."""
        return self._looked

    @property
    def database_available(self) -> bool:
        """Whether the last look for due leads succeeded."""
        return bool(self._available)

    @property
    def open_breakers(self) -> Mapping[RouteKey, OpenBreaker]:
        """The circuit breakers that are open, as of the last second."""
        return self._breakers.open

    async def run(self) -> None:
        """Pump until `stop` is called.

        Raises:
            Exception: A defect of the pump itself. What happens to single leads is no reason to end.
        """
        self._loop = asyncio.get_running_loop()
        self._event.set()
        parts = (
            self._results.run(),
            self._announcer.run(),
            self._breakers.run(in_thread=self._in_thread),
            self._keep_sweeping(),
            self._keep_beating(),
        )
        background = [asyncio.create_task(part) for part in parts]
        try:
            async with open_delivery(allow_private_networks=self._settings.allow_private_networks) as delivery:
                deliveries = Deliveries(
                    delivery,
                    slots=self._slots,
                    results=self._results,
                    breakers=self._breakers,
                    freed=self._freed,
                    spans=self._spans,
                    pass_trace_context=self._settings.pass_trace_context,
                )
                await first_end(asyncio.create_task(self._keep_looking(deliveries)), *background)
                await deliveries.end(grace_seconds=self._settings.grace_seconds)
                await self._results.drain(seconds=_LAST_WRITE_SECONDS)
        finally:
            await cancel(background)
            self._results.close()
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _call(self, action: Callable[[], None]) -> None:
        if self._loop is None:
            action()
        else:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(action)

    def _woken(self) -> None:
        # The look that is planned comes at once, and sees whatever this wake-up announces.
        if self._next_look is None:
            self._event.set()

    def _plan_next_look(self, seconds: float) -> None:
        self._rest.end()
        if self._next_look is not None:
            self._next_look.cancel()
        self._next_look = asyncio.get_running_loop().call_later(seconds, self._come_to_next_look)

    def _come_to_next_look(self) -> None:
        self._next_look = None
        self._event.set()

    def _stop(self) -> None:
        self._stopping.set()
        self._event.set()

    async def _keep_beating(self) -> None:
        while True:
            self._beat = monotonic()
            await asyncio.sleep(1)

    async def _keep_sweeping(self) -> None:
        """Look every few seconds without being called, so that no lead depends on a wake-up that may be lost.

        Workers do so at different moments, by chance.
        """
        while True:
            await asyncio.sleep(self._settings.sweep_seconds * random.uniform(0.75, 1.25))  # noqa: S311
            self._sweeping = not self._event.is_set()
            self._event.set()

    async def _keep_looking(self, deliveries: Deliveries) -> None:
        wait = 0.0
        while not self._stopping.is_set():
            await self._event.wait()
            self._event.clear()
            try:
                if self._results.flowing:
                    await self._look(deliveries)
                    await asyncio.sleep(_GATHER_SECONDS)
                    wait = 0.0
                else:
                    self._rest.begin()
                    await self._pause(_FIRST_WAIT_SECONDS)
                    self._event.set()
            except StoreError as error:
                wait = min(max(wait * 2, _FIRST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS)
                self._tell_failed_look(error)
                self._rest.begin()
                await self._pause(wait * random.uniform(0.5, 1))  # noqa: S311
                self._event.set()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _look(self, deliveries: Deliveries) -> None:
        """Take what is due and start its deliveries."""
        routes = self._routes()
        # Of a thousand routes few have something waiting: only those are worth naming in a claim.
        waiting = await self._in_thread(partial(self._preparation.waiting, routes))
        self._tell_available()
        metrics.unknown_routes.set(len(waiting.oldest.keys() - routes.keys()))
        known = {route: routes[route] for route in waiting.claimable if route in routes}
        slots, limit = self._slots.free(known), min(self._slots.most_at_once, _MOST_AT_ONCE)
        prepared = await self._in_thread(partial(self._preparation.take, routes, slots, limit)) if slots else Prepared()
        self._tell_look(prepared)
        self._results.put(*prepared.results)
        for result in prepared.results:
            self._breakers.not_sent(result.claim)
        for consignment in prepared.consignments:
            deliveries.start(consignment)
        self._look_again_for_more(prepared, slots, limit, waiting=known.keys())

    async def _in_thread(self, action: Callable[[], Brought]) -> Brought:
        return await asyncio.get_running_loop().run_in_executor(self._thread, action)

    def _look_again_for_more(
        self, prepared: Prepared, slots: Mapping[RouteKey, int], limit: int, *, waiting: AbstractSet[RouteKey]
    ) -> None:
        full: set[RouteKey] = {route for route, count in prepared.claimed.items() if count >= slots[route]}
        total = sum(prepared.claimed.values())
        self._hungry = full | (waiting - slots.keys())
        if full or total >= limit > 0:
            self._announcer.soon()
        self._look_again_for_others(total)
        # Slots that were claimed for but never taken will not be given back: nothing else would call.
        if total >= limit > 0 or (full and len(prepared.consignments) < total):
            self._event.set()

    def _look_again_for_others(self, total: int) -> None:
        """Look again by itself while leads flow; see `_FLOW_SECONDS`."""
        now = monotonic()
        if total:
            self._flowing_until = now + _FLOW_SECONDS
        if now < self._flowing_until:
            self._plan_next_look(_next_look_seconds(total))
        elif self._next_look is None:
            self._rest.begin()

    def _freed(self, route: RouteKey) -> None:
        """Look again when a slot is free of a route that may have more due."""
        if route in self._hungry or (self._hungry and self._slots.scarce):
            self._event.set()

    def _woken_by_breaker(self) -> None:
        """A route's leads may be delivered again: by all workers."""
        self._event.set()
        self._announcer.soon()

    def _written(self, result: Result) -> None:
        """Called once the database has a result."""
        if isinstance(result.outcome, Retry):
            # Ours wakes us on time even without Redis; the bell's wakes the others, should we be gone by then.
            self._alarm.set(result.outcome.delay)
            self._announcer.at(datetime.now(UTC) + result.outcome.delay)
        elif isinstance(result.outcome, Released):
            self._event.set()
        tell(result)

    def _tell_look(self, prepared: Prepared) -> None:
        metrics.claims.labels("leads" if prepared.claimed else "nothing").inc()
        if self._sweeping:
            metrics.sweeps.labels("leads" if prepared.claimed else "nothing").inc()
            self._sweeping = False

    def _tell_available(self) -> None:
        if not self._available:
            _log.info("database.available")
        self._looked = self._available = True
        metrics.database_available.set(1)

    def _tell_failed_look(self, error: StoreError) -> None:
        if self._available is not False:
            _log.warning("database.unavailable", error=str(error))
        self._available = False
        metrics.database_available.set(0)
        metrics.claims.labels("failed").inc()
