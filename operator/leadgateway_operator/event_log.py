"""Kubernetes Events on LeadRoutes: what `kubectl describe` shows of their history.

They are posted beside the reconciling, never in its way: a queue that is full drops them.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from leadgateway.route.model import API_VERSION, KIND
from leadgateway_operator import resources
from leadgateway_operator.cluster import FIELD_MANAGER, AlreadyExists, Body, Cluster, ClusterError
from leadgateway_operator.conditions import Reason
from leadgateway_operator.metrics import Metrics

_MAX_WAITING = 20_000
_AT_ONCE = 4
_MAX_MESSAGE = 1024
"""Characters, by the API server's validation of Events."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RouteEvent:
    """Something happened to a LeadRoute that a person cares about."""

    namespace: str
    name: str
    uid: str
    generation: int
    type: Literal["Normal", "Warning"]
    reason: Reason
    message: str


class EventLog:
    """Posts events in the background."""

    def __init__(self, cluster: Cluster, metrics: Metrics) -> None:
        self._cluster = cluster
        self._metrics = metrics
        self._waiting: asyncio.Queue[RouteEvent] = asyncio.Queue(_MAX_WAITING)

    def add(self, event: RouteEvent) -> None:
        """Have an event posted soon, or dropped where too many wait."""
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            self._metrics.events.labels("dropped").inc()

    async def run(self) -> None:
        """Post until cancelled."""
        async with asyncio.TaskGroup() as posters:
            for _ in range(_AT_ONCE):
                posters.create_task(self._post_all())

    async def _post_all(self) -> None:
        while True:
            event = await self._waiting.get()
            try:
                await self._cluster.create(resources.events(event.namespace), event_body(event, datetime.now(UTC)))
                self._metrics.events.labels("posted").inc()
            except AlreadyExists:
                self._metrics.events.labels("known").inc()
            except ClusterError as error:
                # An Event is no more than a courtesy: the conditions say the same, and stay.
                self._metrics.events.labels("failed").inc()
                _log.info("an event of %s/%s was not posted: %s", event.namespace, event.name, error)


def event_body(event: RouteEvent, now: datetime) -> Body:
    """Build the Event object.

    Its name follows from its content and the hour, so that a second operator, or a restarted one, adds no second one.
    """
    hour = now.strftime("%Y%m%d%H")
    content = "\0".join((event.uid, str(event.generation), event.type, event.reason, event.message, hour))
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    message = event.message if len(event.message) <= _MAX_MESSAGE else event.message[: _MAX_MESSAGE - 1] + "…"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{event.name}.{hashlib.sha256(content.encode()).hexdigest()[:16]}",
            "namespace": event.namespace,
        },
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": event.namespace,
            "name": event.name,
            "uid": event.uid,
        },
        "type": event.type,
        "reason": str(event.reason),
        "message": message,
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "reportingInstance": socket.gethostname()[:128],
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
