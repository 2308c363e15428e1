"""The operator as one process: its parts are made here, run together and end together."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

import kopf
from prometheus_client import CollectorRegistry

from leadgateway.telemetry.build import tell_build
from leadgateway.telemetry.catalogue import Role as ProcessRole
from leadgateway.telemetry.status_port import StatusPort
from leadgateway_operator import admission, handlers, resources
from leadgateway_operator.cluster import Cluster, ClusterError, NotFound
from leadgateway_operator.event_log import EventLog
from leadgateway_operator.fingerprint_key import find_key
from leadgateway_operator.fleet import Role
from leadgateway_operator.metrics import Metrics
from leadgateway_operator.packing import Packer
from leadgateway_operator.publisher import Publisher
from leadgateway_operator.pulse import Pulse
from leadgateway_operator.reconciler import Parts, Reconciler
from leadgateway_operator.records import Records
from leadgateway_operator.reporter import Reporter
from leadgateway_operator.roll_call import RollCall
from leadgateway_operator.roster import Roster
from leadgateway_operator.settings import OperatorSettings
from leadgateway_operator.view import View

_RETRY_SECONDS = 3.0
_JSON_LEVELS = 25_000
"""Python's limit of nested calls, which also bounds how deep JSON may nest. The API server stores up to 10,000 levels;
at the default of a thousand, kopf would end with the first LeadRoute that somebody nests so deeply."""

_Value = TypeVar("_Value")
_log = logging.getLogger(__name__)


async def run(settings: OperatorSettings, namespace: str, registry: CollectorRegistry) -> None:
    """Run the operator until a signal ends it.

    Args:
        settings: What it was told.
        namespace: Of the gateway's pods and shards.
        registry: Where its metrics are exposed.

    Raises:
        OSError: The status port is taken.
        UnusableKey: The Secret with the fingerprint key can't be used.
        ExceptionGroup: One of its parts failed, and a new process may do better.
    """
    sys.setrecursionlimit(_JSON_LEVELS)
    pulse = Pulse(settings.resync_seconds)
    metrics = Metrics(registry)
    tell_build(ProcessRole.OPERATOR, registry)
    metrics.measure_age(pulse.seconds_since_success)
    async with AsyncExitStack() as open_parts:
        port = StatusPort(
            settings.status_host, settings.status_port, health=pulse.health, routes=dict, registry=registry
        )
        port.start()
        open_parts.callback(port.close)
        cluster = await open_parts.enter_async_context(Cluster())
        roll_call = await open_parts.enter_async_context(RollCall())
        await _insist(lambda: _find_crd(cluster), pulse)
        key = await _insist(lambda: find_key(cluster, namespace), pulse)
        await _Process(settings, namespace, cluster, roll_call, Packer(settings.shards, key), metrics, pulse).run()


@dataclass(frozen=True, slots=True)
class _Process:
    """What the parts are made from."""

    settings: OperatorSettings
    namespace: str
    cluster: Cluster
    roll_call: RollCall
    packer: Packer
    metrics: Metrics
    pulse: Pulse

    async def run(self) -> None:
        view = View(self.cluster, namespaces=self.settings.watch_namespaces)
        events = EventLog(self.cluster, self.metrics)
        reporter = Reporter(self.cluster, view, events, self.metrics)
        roster = self._roster(reporter)
        publisher = Publisher(self.cluster, self.namespace, self.metrics, self.settings.shards)
        parts = Parts(view, Records(self.cluster), self.packer, publisher, roster, reporter, self.metrics, self.pulse)
        reconciler = Reconciler(parts, round_seconds=self.settings.resync_seconds)
        publisher.disturbed = reconciler.wake
        beside: list[asyncio.Task[None]] = []

        def end() -> None:
            for task in beside:
                task.cancel()

        operator = self._operator(view, reconciler, reporter, end)
        _log.info(
            "serving the LeadRoutes of %s; publishing to %d shards in namespace %s; status port http://%s:%d",
            ", ".join(self.settings.watch_namespaces) or "all namespaces",
            self.settings.shards,
            self.namespace,
            self.settings.status_host,
            self.settings.status_port,
        )
        async with asyncio.TaskGroup() as tasks:
            works = (reconciler.run(), reporter.run(), roster.run(), publisher.watch(), events.run())
            beside.extend(map(tasks.create_task, works))
            await operator
            end()

    def _roster(self, reporter: Reporter) -> Roster:
        services: dict[str, Role] = {self.settings.webhook_service: "webhook", self.settings.worker_service: "worker"}
        return Roster(
            self.cluster,
            self.roll_call,
            reporter,
            self.metrics,
            namespace=self.namespace,
            services=services,
            console_service=self.settings.console_service,
            port_name=self.settings.pod_status_port_name,
            poll_seconds=self.settings.poll_seconds,
        )

    def _operator(
        self, view: View, reconciler: Reconciler, reporter: Reporter, end: Callable[[], None]
    ) -> Awaitable[None]:
        registry, settings = kopf.OperatorRegistry(), kopf.OperatorSettings()
        handlers.configure(settings)
        handlers.register(registry, view=view, reconciler=reconciler, reporter=reporter)
        # kopf takes every task of the process for its own, and at its end waits five seconds for those that go on.
        kopf.on.cleanup(registry=registry)(_as_handler(end))
        server = admission.server(self.settings)
        if server is not None:
            settings.admission.server = server
            admission.register(registry, lambda: reconciler.plan)
        namespaces = self.settings.watch_namespaces
        return kopf.operator(
            registry=registry, settings=settings, standalone=True, clusterwide=not namespaces, namespaces=namespaces
        )


async def _insist(ask: Callable[[], Awaitable[_Value]], pulse: Pulse) -> _Value:
    """Ask until the API server answers: an operator that starts first waits for the rest."""
    while True:
        try:
            return await ask()
        except ClusterError as error:
            _log.warning("not ready yet, trying again: %s", error)
            pulse.attempted(succeeded=False)
            await asyncio.sleep(_RETRY_SECONDS)


async def _find_crd(cluster: Cluster) -> None:
    """See that LeadRoutes are served. Discovery is open to everybody, unlike the CRD itself."""
    try:
        await cluster.get(resources.DISCOVERY)
    except NotFound as error:
        raise ClusterError(
            "there is no CRD for LeadRoutes; kubectl apply --server-side -f crds/leadroutes.yaml"
        ) from error


def _as_handler(end: Callable[[], None]) -> Callable[..., Coroutine[None, None, None]]:
    async def cleanup(**_: Any) -> None:  # kopf runs handlers that are not coroutines in threads
        end()

    return cleanup
