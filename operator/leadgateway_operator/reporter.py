"""Keeps the status of every LeadRoute true: writes those that differ, transitions at once, mere counts at leisure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any, NoReturn

from leadgateway_operator import resources
from leadgateway_operator.cluster import AlreadyExists, Cluster, ClusterError, NotFound
from leadgateway_operator.conditions import ConditionType, Reason
from leadgateway_operator.event_log import EventLog
from leadgateway_operator.fleet import Fleet
from leadgateway_operator.metrics import Metrics
from leadgateway_operator.observed import ObservedRoute
from leadgateway_operator.plan import Plan, Standing
from leadgateway_operator.status import Change, Report, report
from leadgateway_operator.view import View

_AT_ONCE = 12
_COUNTS_AT_ONCE = 2
_COUNTS_BATCH = 50
_SETTLED_SECONDS = 5.0
"""Numbers of pods are written once they have not changed for so long: a rollout passes through many."""
_RETRY_SECONDS = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A status that was written, and the LeadRoute as it was seen then: the watch may take a while to show it."""

    route: ObservedRoute
    status: Mapping[str, Any]


class Reporter:
    """Writes statuses beside the reconciling."""

    def __init__(self, cluster: Cluster, view: View, events: EventLog, metrics: Metrics) -> None:
        self._cluster = cluster
        self._view = view
        self._events = events
        self._metrics = metrics
        self._wake = asyncio.Event()
        self._plan = Plan()
        self._fleet = Fleet()
        self._fleet_since = monotonic()
        self._sent: dict[str, _Sent] = {}
        self.pods_awaited = asyncio.Event()
        """Set while an accepted LeadRoute is not known to run in every pod."""

    @property
    def fleet(self) -> Fleet:
        """The pods as they were last seen."""
        return self._fleet

    def take_plan(self, plan: Plan) -> None:
        """Report on another plan from now on."""
        self._plan = plan
        self._sent = {uid: sent for uid, sent in self._sent.items() if uid in plan.standings}
        self._wake.set()

    def take_fleet(self, fleet: Fleet) -> None:
        """Report on other pods from now on, if they differ."""
        if fleet != self._fleet:
            self._fleet, self._fleet_since = fleet, monotonic()
            self._wake.set()

    def was_written(self, route: ObservedRoute) -> bool:
        """Whether a LeadRoute is seen with exactly the status that was written last."""
        sent = self._sent.get(route.uid)
        return sent is not None and all(route.status.get(name) == value for name, value in sent.status.items())

    def look_again(self) -> None:
        """Compare statuses anew."""
        self._wake.set()

    async def run(self) -> NoReturn:
        """Report until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            delay = await self._report()
            if delay is not None:
                asyncio.get_running_loop().call_later(delay, self._wake.set)

    async def _report(self) -> float | None:
        """Write what differs; returns after how many seconds to look again by itself."""
        standings = list(self._current())
        reports = await asyncio.to_thread(_reports, standings, self._fleet, datetime.now(UTC))
        self._count(reports)
        transitions = [item for item in reports if item[1].change is Change.TRANSITION]
        failures = await self._write_all(transitions, at_once=_AT_ONCE)
        if failures:
            return _RETRY_SECONDS
        counts = [item for item in reports if item[1].change is Change.COUNTS]
        settled = self._fleet_since + _SETTLED_SECONDS - monotonic()
        if counts and settled > 0:
            return settled
        for start in range(0, len(counts), _COUNTS_BATCH):
            if self._wake.is_set():
                break
            failures += await self._write_all(counts[start : start + _COUNTS_BATCH], at_once=_COUNTS_AT_ONCE)
        return _RETRY_SECONDS if failures else None

    def _current(self) -> Iterable[Standing]:
        """The plan's standings, each with its LeadRoute as it is now."""
        for uid, standing in self._plan.standings.items():
            route = self._view.route(uid)
            if route is None or route.generation != standing.route.generation:
                continue  # another plan is on its way
            yield replace(standing, route=self._as_sent(route))

    def _as_sent(self, route: ObservedRoute) -> ObservedRoute:
        sent = self._sent.get(route.uid)
        if sent is None or sent.route is not route:
            return route
        return replace(route, status=sent.status)

    def _count(self, reports: list[tuple[Standing, Report]]) -> None:
        numbers: dict[tuple[str, str], int] = {(kind, value): 0 for kind in ConditionType for value in _TRUTHS}
        waiting = False
        for _, one in reports:
            for condition in one.status["conditions"]:
                numbers[condition["type"], condition["status"]] += 1
                waiting = waiting or _awaits_pods(condition)
        if waiting:
            self.pods_awaited.set()
        else:
            self.pods_awaited.clear()
        for (kind, value), number in numbers.items():
            self._metrics.routes.labels(kind, value).set(number)

    async def _write_all(self, reports: list[tuple[Standing, Report]], *, at_once: int) -> int:
        """Write statuses; returns how many failed."""
        gate = asyncio.Semaphore(at_once)

        async def one(standing: Standing, wanted: Report) -> bool:
            async with gate:
                return await self._write(standing, wanted)

        written = await asyncio.gather(*(one(standing, wanted) for standing, wanted in reports))
        return written.count(False)

    async def _write(self, standing: Standing, wanted: Report) -> bool:
        route = standing.route
        seen = self._view.route(route.uid)
        # The UID makes the API server refuse it for another LeadRoute that has taken the name meanwhile.
        body = {"metadata": {"uid": route.uid}, "status": dict(wanted.status)}
        try:
            await self._cluster.merge(f"{resources.leadroutes(route.namespace, route.name)}/status", body)
        except (NotFound, AlreadyExists) as error:
            _log.debug("the status of %s was not written: %s", route.key, error)
            return True
        except ClusterError as error:
            self._metrics.status_errors.inc()
            _log.warning("the status of %s could not be written and is tried again: %s", route.key, error)
            return False
        self._metrics.status_writes.inc()
        if seen is not None:
            self._sent[route.uid] = _Sent(seen, wanted.status)
        for event in wanted.events:
            self._events.add(event)
        return True


_TRUTHS = ("True", "False", "Unknown")
_PODS_REASONS = {Reason.PENDING, Reason.UNREACHABLE, Reason.NO_REPLICAS}


def _awaits_pods(condition: Mapping[str, Any]) -> bool:
    # Delivering speaks of what runs, which may be an older generation: nothing waits for pods then
    return condition["type"] != ConditionType.DELIVERING and condition["reason"] in _PODS_REASONS


def _reports(standings: Iterable[Standing], fleet: Fleet, now: datetime) -> list[tuple[Standing, Report]]:
    return [(standing, report(standing, fleet, now=now)) for standing in standings]
