"""What waits in the database, as metrics."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import REGISTRY, CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from leadgateway.route.snapshot import RouteKey, RouteSnapshot
from leadgateway.store.backlog import RouteBacklog, ServerConnections
from leadgateway.telemetry.catalogue import backlog as catalogue
from leadgateway.telemetry.catalogue.definition import GaugeMetric

_Rows = Iterable[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True)
class Tally:
    """What one look found.

    Attributes:
        families: Its metrics by route, ready to be exposed as often as somebody asks.
        server: The server's connections.
        took: Seconds.
        at: When, by our monotonic clock.
    """

    families: tuple[GaugeMetricFamily, ...]
    server: ServerConnections
    took: float
    at: float


class BacklogMetrics(Collector):
    """Exposes the last tally; without one, only that this worker is not the one that tells."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        """Register it.

        Args:
            registry: Where; each can hold it once.
        """
        self.tally: Tally | None = None
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Name the metrics without their values."""
        return [_family(metric, ()) for metric in catalogue.METRICS]

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        tally = self.tally
        yield _single(catalogue.EXPORTER, 0 if tally is None else 1)
        if tally is not None:
            yield from tally.families
            yield _single(catalogue.QUERY_SECONDS, tally.took)
            yield _single(catalogue.AGE_SECONDS, time.monotonic() - tally.at)
            yield _single(catalogue.SERVER_CONNECTIONS, tally.server.open)
            yield _single(catalogue.SERVER_CONNECTIONS_LIMIT, tally.server.limit)


def families(
    backlogs: Iterable[RouteBacklog], routes: Mapping[RouteKey, RouteSnapshot]
) -> tuple[GaugeMetricFamily, ...]:
    """Make metrics of what waits.

    Args:
        backlogs: By the database: routes that have leads waiting, whether they are loaded or not.
        routes: Those that are loaded. Each is told, though nothing waits; of those that are paused nothing is due.
    """
    found = {one.route: one for one in backlogs}
    told = [found.get(route) or RouteBacklog.none(route) for route in sorted(found.keys() | routes.keys())]
    paused = {key for key, route in routes.items() if route.paused}
    awaited = [one for one in told if one.route not in paused]
    idle = [RouteBacklog.none(one.route) for one in told if one.route in paused]
    return (
        _family(catalogue.LEADS_WAITING, (row for one in told for row in _by_status(one))),
        _family(catalogue.LEADS_DUE, (((one.route,), one.due) for one in (*awaited, *idle))),
        _family(catalogue.OLDEST_DUE_SECONDS, (((one.route,), one.oldest_due_seconds) for one in (*awaited, *idle))),
    )


def _by_status(one: RouteBacklog) -> _Rows:
    yield (one.route, "RECEIVED"), one.received
    yield (one.route, "READY"), one.ready
    yield (one.route, "FAILED"), one.failed


def _family(metric: GaugeMetric, rows: _Rows) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.help, labels=list(metric.labels))
    for labels, value in rows:
        family.add_metric(labels, value)
    return family


def _single(metric: GaugeMetric, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.help, value)
