"""A counter by route that is cheap to count on and to scrape, and lets go of routes that are gone."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable

from prometheus_client import REGISTRY, CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from leadgateway.telemetry.catalogue.definition import CounterMetric


class RouteSeries(Collector):
    """The series of a counter with the labels `route` and one other, in this order. Thread-safe.

    prometheus_client's own counter would do, but takes three times as long to expose: 30 ms of the interpreter's lock
    for a thousand routes, in which nothing else happens.
    """

    def __init__(self, metric: CounterMetric, registry: CollectorRegistry = REGISTRY) -> None:
        """Register it.

        Args:
            metric: What is counted.
            registry: Where; each can hold it once.
        """
        self._metric = metric
        self._route, self._other = metric.labels
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], int] = {}
        registry.register(self)

    def inc(self, route: str, value: str) -> None:
        """Count one.

        Args:
            route: The route's key.
            value: Of the other label.
        """
        series = (route, value)
        with self._lock:
            self._counts[series] = self._counts.get(series, 0) + 1

    def forget_all_but(self, routes: Collection[str]) -> None:
        """Drop the series of all routes but these, so that routes that come and go don't pile up."""
        with self._lock:
            self._counts = {series: count for series, count in self._counts.items() if series[0] in routes}

    def describe(self) -> Iterable[Metric]:
        """Name the metric without its values."""
        return [self._family()]

    def collect(self) -> Iterable[Metric]:
        """The counts as they are now."""
        with self._lock:
            counts = list(self._counts.items())
        family, name = self._family(), self._metric.name
        family.samples = [
            Sample(name, {self._route: route, self._other: value}, count) for (route, value), count in counts
        ]
        return [family]

    def _family(self) -> CounterMetricFamily:
        return CounterMetricFamily(self._metric.name, self._metric.help, labels=list(self._metric.labels))
