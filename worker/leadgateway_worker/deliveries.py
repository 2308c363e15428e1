"""The deliveries in flight: each a task with a slot of its route, which it gives back when its exchange is over."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from traceback import format_tb

import structlog

from leadgateway.route.snapshot import RouteKey
from leadgateway.store.outcomes import Delivered, Outcome
from leadgateway.telemetry.tracing import TraceHeaders
from leadgateway_worker import metrics
from leadgateway_worker.breakers import Breakers
from leadgateway_worker.delivery import Delivery, Destinations, Exchange
from leadgateway_worker.failure import InvalidRequest, Kind, explain
from leadgateway_worker.naming import names
from leadgateway_worker.preparation import Consignment
from leadgateway_worker.results import Result, ResultsWriter
from leadgateway_worker.settlement import age, give_back, interrupt, settle
from leadgateway_worker.slots import Slots
from leadgateway_worker.spans import NO_SPANS, LeadSpans
from leadgateway_worker.tasks import cancel
from leadgateway_worker.turns import Turns
from leadgateway_worker.verdict import Again, Spent, judge, kind_of

_log = structlog.get_logger(__name__)


class Deliveries:
    """Starts deliveries and hands what came of them to the results. Belongs to one event loop."""

    def __init__(
        self,
        delivery: Delivery,
        *,
        slots: Slots,
        results: ResultsWriter,
        breakers: Breakers,
        freed: Callable[[RouteKey], None],
        spans: LeadSpans = NO_SPANS,
        pass_trace_context: bool = False,
    ) -> None:
        """None is in flight yet.

        Args:
            delivery: Sends.
            slots: Where each delivery takes a slot.
            results: Where its result goes.
            breakers: Are told how each attempt ended.
            freed: Is told the route of each slot that was given back.
            spans: Records a span for each attempt.
            pass_trace_context: Whether customers are sent the trace context: of the attempt's span, or where none is
                recorded, the one that the lead came with.
        """
        self._delivery = delivery
        self._slots = slots
        self._results = results
        self._breakers = breakers
        self._freed = freed
        self._spans = spans
        self._passes_trace_context = pass_trace_context
        self._destinations = Destinations()
        self._turns = Turns()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = False

    def start(self, consignment: Consignment) -> None:
        """Send a lead; returns at once."""
        self._slots.take(consignment.route.key)
        task = asyncio.create_task(self._deliver(consignment))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self, *, grace_seconds: float) -> None:
        """Let what is in flight come to its end; what has not by then is cut short and given back.

        Args:
            grace_seconds: How long to wait.
        """
        self._ending = True
        if not self._tasks:
            return
        _log.info("deliveries.ending", in_flight=len(self._tasks), grace_seconds=grace_seconds)
        _, late = await asyncio.wait(self._tasks, timeout=grace_seconds)
        if late:
            _log.warning("deliveries.interrupted", in_flight=len(late))
            await cancel(late)

    async def _deliver(self, consignment: Consignment) -> None:
        route = consignment.route.key
        try:
            self._results.put(await self._attempt(consignment))
        except Exception as error:
            # The lead comes again when its lease is over. Where, not what: a message may quote the lead.
            metrics.defects.inc()
            where = format_tb(error.__traceback__)
            _log.error("delivery.defect", error_type=type(error).__name__, where=where, **names(consignment.claim))
        finally:
            self._slots.give_back(route)
            self._freed(route)

    async def _attempt(self, consignment: Consignment) -> Result:
        try:
            await self._turns.take()
        except asyncio.CancelledError:
            return Result(consignment.claim, give_back(consignment))
        began = monotonic()
        if self._ending or began > consignment.send_before:
            return Result(consignment.claim, give_back(consignment))
        span = self._spans.attempt(consignment.claim, consignment.route, consignment.trace)
        try:
            exchange = await self._exchange(consignment, span.headers or consignment.trace)
        except asyncio.CancelledError:
            span.interrupted()
            _count(consignment.route.key, Kind.INTERRUPTED)
            return Result(consignment.claim, interrupt(consignment, began=began, ended=monotonic()), span.ids)
        span.exchanged(exchange)
        return Result(consignment.claim, self._judge(consignment, exchange, began), span.ids)

    async def _exchange(self, consignment: Consignment, trace: TraceHeaders) -> Exchange:
        try:
            target = self._destinations.of(consignment.route)
        except InvalidRequest as error:
            return Exchange(seconds=0.0, failure=explain(error, host="", timeout=0.0))
        parcel = consignment.parcel
        if self._passes_trace_context and trace:
            parcel = replace(parcel, trace=trace)
        return await self._delivery.send(parcel, target)

    def _judge(self, consignment: Consignment, exchange: Exchange, began: float) -> Outcome:
        route, failures = consignment.route, consignment.claim.failures
        # The database's clock: this machine's may be wrong, and a customer's date would be an hour off.
        now = consignment.database_time(monotonic())
        verdict = judge(exchange, route.retry, failures=failures, now=now, draw=random.random())  # noqa: S311
        self._breakers.attempted(consignment.claim, failed=isinstance(verdict, Again | Spent))
        _count(route.key, kind_of(exchange))
        metrics.attempt_seconds.observe(exchange.seconds)
        outcome = settle(consignment, exchange, verdict, began=began)
        if isinstance(outcome, Delivered):
            metrics.lead_seconds.observe(age(consignment, outcome).total_seconds())
        return outcome


def _count(route: RouteKey, kind: Kind) -> None:
    if kind is Kind.DELIVERED:
        metrics.attempts.inc(route, "delivered")
    else:
        metrics.attempts.inc(route, "failed")
        metrics.failures.labels(kind).inc()
