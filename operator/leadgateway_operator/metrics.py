"""What the operator counts."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_PREFIX = "leadgateway_operator"


class Metrics:
    """The operator's metrics in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.reconciles = Counter(
            f"{_PREFIX}_reconciles", "Rebuilds of the configuration, by outcome", ["outcome"], registry=registry
        )
        self.reconcile_seconds = Histogram(
            f"{_PREFIX}_reconcile_seconds",
            "Duration of a rebuild",
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
            registry=registry,
        )
        self.routes = Gauge(
            f"{_PREFIX}_routes", "LeadRoutes, by condition and its status", ["condition", "status"], registry=registry
        )
        self.shard_writes = Counter(
            f"{_PREFIX}_shard_writes", "ConfigMaps and Secrets written", ["kind"], registry=registry
        )
        self.status_writes = Counter(f"{_PREFIX}_status_writes", "Statuses written", registry=registry)
        self.status_errors = Counter(
            f"{_PREFIX}_status_errors", "Statuses that could not be written and are tried again", registry=registry
        )
        self.events = Counter(
            f"{_PREFIX}_events", "Kubernetes Events, by what became of them", ["outcome"], registry=registry
        )
        self.unseen = Gauge(
            f"{_PREFIX}_unseen_objects",
            "Objects in the API that the last comparison did not find among those that were watched",
            registry=registry,
        )
        self.pods = Gauge(
            f"{_PREFIX}_pods",
            "Webhook and worker pods, by whether they could be asked",
            ["role", "state"],
            registry=registry,
        )
        self._since_success = Gauge(
            f"{_PREFIX}_seconds_since_successful_reconcile", "Age of the last rebuild that succeeded", registry=registry
        )
        for outcome in ("success", "error"):
            self.reconciles.labels(outcome)

    def measure_age(self, seconds_since_success: Callable[[], float]) -> None:
        """Read the age of the last success whenever metrics are scraped."""
        self._since_success.set_function(seconds_since_success)
