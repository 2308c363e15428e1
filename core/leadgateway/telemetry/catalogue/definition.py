"""What is said of a metric once, for the code that counts, the page that documents and the dashboards that ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram


class Role(StrEnum):
    """A part of the system with a status port of its own."""

    WEBHOOK = "webhook"
    WORKER = "worker"
    OPERATOR = "operator"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric by Prometheus' conventions (https://prometheus.io/docs/practices/naming/).

    Attributes:
        name: As it is scraped, with its unit, a counter with `_total`.
        help: A sentence: what is counted or measured.
        roles: Who exposes it.
        labels: By name, the values it takes, or what bounds them.
    """

    name: str
    help: str
    roles: tuple[Role, ...]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterMetric(Metric):
    """Only grows, from the start of the process."""

    def register(self, registry: CollectorRegistry = REGISTRY) -> Counter:
        """Make the counter; a registry can hold it once."""
        return Counter(self.name, self.help, list(self.labels), registry=registry)


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugeMetric(Metric):
    """Goes up and down."""

    def register(self, registry: CollectorRegistry = REGISTRY) -> Gauge:
        """Make the gauge; a registry can hold it once."""
        return Gauge(self.name, self.help, list(self.labels), registry=registry)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramMetric(Metric):
    """Counts observations by size. Never with the route as a label: each route would be a dozen series.

    Attributes:
        buckets: Upper bounds, in the unit of the name.
    """

    buckets: tuple[float, ...]

    def register(self, registry: CollectorRegistry = REGISTRY) -> Histogram:
        """Make the histogram; a registry can hold it once."""
        return Histogram(self.name, self.help, list(self.labels), registry=registry, buckets=self.buckets)
