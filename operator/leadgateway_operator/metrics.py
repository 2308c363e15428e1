"""What the operator counts; what each means stands in `leadgateway.telemetry.catalogue.operator`."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from leadgateway.telemetry.catalogue import operator


class Metrics:
    """The operator's metrics in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.reconciles = operator.RECONCILES.register(registry)
        self.reconcile_seconds = operator.RECONCILE_SECONDS.register(registry)
        self.routes = operator.ROUTES.register(registry)
        self.shard_writes = operator.SHARD_WRITES.register(registry)
        self.status_writes = operator.STATUS_WRITES.register(registry)
        self.status_errors = operator.STATUS_ERRORS.register(registry)
        self.events = operator.EVENTS.register(registry)
        self.unseen = operator.UNSEEN_OBJECTS.register(registry)
        self.pods = operator.PODS.register(registry)
        self._since_success = operator.SECONDS_SINCE_SUCCESS.register(registry)
        for outcome in ("success", "error"):
            self.reconciles.labels(outcome)

    def measure_age(self, seconds_since_success: Callable[[], float]) -> None:
        """Read the age of the last success whenever metrics are scraped."""
        self._since_success.set_function(seconds_since_success)
