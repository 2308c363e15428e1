"""Keeps track of the pods: who they are, and what webhook and worker have loaded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import NoReturn

from leadgateway_operator import resources
from leadgateway_operator.cluster import Cluster, ClusterError
from leadgateway_operator.fleet import ROLES, Fleet, Role, pod_names, pods_of
from leadgateway_operator.metrics import Metrics
from leadgateway_operator.pod_nudge import nudge
from leadgateway_operator.reporter import Reporter
from leadgateway_operator.roll_call import RollCall

_CALM = 15
"""While nothing waits for the pods they are asked that many times more rarely."""

_log = logging.getLogger(__name__)


class Roster:
    """Asks the pods again and again, and tells the reporter."""

    def __init__(
        self,
        cluster: Cluster,
        roll_call: RollCall,
        reporter: Reporter,
        metrics: Metrics,
        *,
        namespace: str,
        services: Mapping[str, Role],
        console_service: str,
        port_name: str,
        poll_seconds: float,
    ) -> None:
        """Describe where the pods are found.

        Args:
            cluster: The API server.
            roll_call: Asks them.
            reporter: Is told what they say.
            metrics: Count them.
            namespace: Of the Services and pods.
            services: The role behind each Service name.
            console_service: Of pods that read routes too, but are not asked: no lead passes through them.
            port_name: Name of the status port in the Services.
            poll_seconds: How often they are asked while something waits for them.
        """
        self._cluster = cluster
        self._roll_call = roll_call
        self._reporter = reporter
        self._metrics = metrics
        self._namespace = namespace
        self._services = services
        self._console_service = console_service
        self._consoles: frozenset[str] = frozenset()
        self._port_name = port_name
        self._poll_seconds = poll_seconds

    async def nudge(self, configuration: str) -> None:
        """Have the pods load a configuration that was published just now."""
        pods = (report.pod for report in self._reporter.fleet.reports)
        asked = {pod.name for pod in pods if pod.is_named}
        await nudge(self._cluster, self._namespace, asked | self._consoles, configuration)
        self._reporter.pods_awaited.set()

    async def run(self) -> NoReturn:
        """Ask until cancelled."""
        while True:
            try:
                fleet = await self._ask()
            except ClusterError as error:
                _log.info("the pods could not be listed: %s", error)
            else:
                self._count(fleet)
                self._reporter.take_fleet(fleet)
            # Never more often than this, however often pods are nudged.
            await asyncio.sleep(self._poll_seconds)
            await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._poll_seconds * _CALM):
                await self._reporter.pods_awaited.wait()
        except TimeoutError:
            return

    async def _ask(self) -> Fleet:
        names = ",".join(sorted({*self._services, self._console_service}))
        slices = await self._cluster.read_all(
            resources.endpointslices(self._namespace), labels=f"kubernetes.io/service-name in ({names})"
        )
        self._consoles = pod_names(slices, service=self._console_service)
        return await self._roll_call.ask(pods_of(slices, services=self._services, port_name=self._port_name))

    def _count(self, fleet: Fleet) -> None:
        for role in ROLES:
            reports = [report for report in fleet.reports if report.pod.role == role]
            silent = sum(report.loaded is None for report in reports)
            self._metrics.pods.labels(role, "answering").set(len(reports) - silent)
            self._metrics.pods.labels(role, "silent").set(silent)
