"""The loop that turns what is seen into what is published: one rebuild after another, each from everything there is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import NoReturn

from leadgateway_operator.cluster import ClusterError
from leadgateway_operator.evaluate import Version, evaluate
from leadgateway_operator.metrics import Metrics
from leadgateway_operator.observed import Observed
from leadgateway_operator.pacing import Pace
from leadgateway_operator.packing import Packer
from leadgateway_operator.plan import Plan, Spec, VersionKey, make_plan, specs
from leadgateway_operator.publisher import Data, Publisher, ShardName
from leadgateway_operator.pulse import Pulse
from leadgateway_operator.records import Records
from leadgateway_operator.reporter import Reporter
from leadgateway_operator.roster import Roster
from leadgateway_operator.view import View

_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 1.0, 30.0
_EVALUATED_AT_ONCE = 50
_UNSEEN_ROUNDS = 4
"""After so many rounds without a sight of an object that exists, its watch is taken for stuck."""

_log = logging.getLogger(__name__)


class NoRoom(Exception):
    """LeadRoutes that run would have to end, for want of room; the message says what to do."""


class StuckWatch(Exception):
    """Objects that exist are not seen for minutes: only a new process watches anew."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a rebuild works with."""

    view: View
    records: Records
    packer: Packer
    publisher: Publisher
    roster: Roster
    reporter: Reporter
    metrics: Metrics
    pulse: Pulse


class Reconciler:
    """Rebuilds when woken and every so often, one rebuild at a time.

    `plan` is the last plan that was carried out.
    """

    def __init__(self, parts: Parts, *, round_seconds: float) -> None:
        self._parts = parts
        self._round_seconds = round_seconds
        self._wake = asyncio.Event()
        self._pace = Pace()
        self._versions: dict[VersionKey, Version] = {}
        self._compared = float("-inf")
        self._unseen_since: Mapping[str, float] = {}
        self.plan = Plan()

    def wake(self) -> None:
        """Have everything rebuilt soon."""
        self._wake.set()

    def suspect(self) -> None:
        """Have everything compared with the API server before the next rebuild: a watch has begun anew."""
        self._compared = float("-inf")

    async def run(self) -> NoReturn:
        """Reconcile until cancelled.

        Raises:
            StuckWatch: A watch does not show what exists.
        """
        failures = 0
        complete = False
        while True:
            try:
                if not complete:
                    await self._wait_for_first_lists()
                    complete = True
                await self._rebuild()
            except (ClusterError, NoRoom) as error:
                failures += 1
                self._failed(error)
                await asyncio.sleep(min(_FIRST_RETRY_SECONDS * 2.0**failures, _LAST_RETRY_SECONDS))
            else:
                failures = 0
                self._parts.pulse.attempted(succeeded=True)
                self._parts.metrics.reconciles.labels("success").inc()
                await self._wait_for_change()

    async def _wait_for_first_lists(self) -> None:
        await self._parts.view.wait_until_complete()
        await self._parts.publisher.look()
        _log.info("everything is listed: %d LeadRoutes", len(self._parts.view.observed().routes))

    async def _wait_for_change(self) -> None:
        try:
            async with asyncio.timeout(self._round_seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        await asyncio.sleep(self._pace.pause(monotonic()))

    async def _rebuild(self) -> None:
        self._wake.clear()
        if monotonic() - self._compared >= self._round_seconds:
            await self._compare()
        with self._parts.metrics.reconcile_seconds.time():
            plan, changes = await self._carry_out()
        if changes or plan.to_record:
            self._pace.acted(monotonic())
        self.plan = plan
        self._parts.reporter.take_plan(plan)

    async def _carry_out(self) -> tuple[Plan, int]:
        """Record, publish, tidy up: in this order, so that what runs can always be rebuilt."""
        parts = self._parts
        observed = parts.records.complete(parts.view.observed())
        await self._evaluate(specs(observed))
        plan = await self._plan(observed, {})
        refused = await parts.records.write(plan.to_record)
        if refused:
            plan = await self._plan(observed, refused)
        self._check_room(plan)
        changes = await parts.publisher.publish(await asyncio.to_thread(self._shards, plan))
        if changes:
            _log.info("published %d routes in %d changed shards", len(plan.published()), changes)
            await parts.roster.nudge(parts.publisher.digest())
        await parts.records.remove(plan.obsolete)
        return plan, changes

    async def _evaluate(self, wanted: Mapping[VersionKey, Spec]) -> None:
        """Judge what has not been judged; in a thread and in portions, since a version may take many milliseconds."""
        self._versions = {key: self._versions[key] for key in wanted if key in self._versions}
        missing = iter([(key, spec) for key, spec in wanted.items() if key not in self._versions])
        while portion := list(islice(missing, _EVALUATED_AT_ONCE)):
            self._versions.update(await asyncio.to_thread(_evaluate, portion))
        self._parts.packer.forget_all_but(wanted)

    async def _plan(self, observed: Observed, refused: Mapping[str, str]) -> Plan:
        return await asyncio.to_thread(make_plan, observed, self._versions, self._parts.packer, unrecordable=refused)

    def _shards(self, plan: Plan) -> dict[ShardName, Data]:
        wanted: dict[ShardName, Data] = {}
        for index, files in enumerate(self._parts.packer.shards(plan.published())):
            wanted[ShardName("routes", index)] = files.routes
            wanted[ShardName("credentials", index)] = files.credentials
        return wanted

    def _check_room(self, plan: Plan) -> None:
        count, published = self._parts.packer.count, self._parts.publisher.count()
        if plan.displaced and published > count:
            raise NoRoom(
                f"{len(plan.displaced)} routes that run do not fit into {count} shards, among them "
                f"{plan.displaced[0]}; set LEADGATEWAY_OPERATOR_SHARDS back to {published}"
            )

    async def _compare(self) -> None:
        found = await self._parts.view.compare()
        self._compared = now = monotonic()
        self._parts.metrics.unseen.set(len(found.unseen))
        self._unseen_since = {uid: self._unseen_since.get(uid, now) for uid in found.unseen}
        if any(now - since >= _UNSEEN_ROUNDS * self._round_seconds for since in self._unseen_since.values()):
            raise StuckWatch(f"{len(self._unseen_since)} objects exist and are not seen; a watch seems to be stuck")

    def _failed(self, error: ClusterError | NoRoom) -> None:
        _log.error("the configuration could not be rebuilt and is tried again: %s", error)
        self._parts.pulse.attempted(succeeded=False)
        self._parts.metrics.reconciles.labels("error").inc()


def _evaluate(portion: list[tuple[VersionKey, Spec]]) -> dict[VersionKey, Version]:
    return {key: evaluate(namespace=spec.namespace, name=spec.name, spec=spec.text) for key, spec in portion}
