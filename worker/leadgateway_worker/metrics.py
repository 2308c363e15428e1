"""What the worker counts; what each means stands in `leadgateway.telemetry.catalogue.worker`."""

from __future__ import annotations

from collections.abc import Mapping

from leadgateway.pipeline.outcome import MISSING_REQUIRED_FIELD
from leadgateway.route.snapshot import RouteKey, RouteSnapshot
from leadgateway.telemetry.catalogue import shared, worker
from leadgateway.telemetry.route_series import RouteSeries
from leadgateway.telemetry.route_state import RouteMetrics
from leadgateway_worker.backlog_metrics import BacklogMetrics

attempts = RouteSeries(worker.DELIVERY_ATTEMPTS)
failures = worker.DELIVERY_FAILURES.register()
retries = worker.DELIVERY_RETRIES.register()
attempt_seconds = worker.DELIVERY_ATTEMPT_SECONDS.register()
lead_seconds = worker.LEAD_DELIVERY_SECONDS.register()
first_outcome_seconds = worker.LEAD_FIRST_OUTCOME_SECONDS.register()
leads_finished = RouteSeries(worker.LEADS_FINISHED)
pipeline_outcomes = worker.PIPELINE_OUTCOMES.register()
pipeline_mapped = pipeline_outcomes.labels("mapped")
rejections = worker.PIPELINE_REJECTIONS.register()
in_flight = worker.DELIVERIES_IN_FLIGHT.register()
in_flight_limit = worker.DELIVERIES_IN_FLIGHT_LIMIT.register()
breaker_state = worker.BREAKER_STATE.register()
breaker_openings = worker.BREAKER_OPENINGS.register()
breaker_probes = worker.BREAKER_PROBES.register()
claims = worker.CLAIMS.register()
claimed = worker.CLAIMED_LEADS.register()
wakeups = worker.WAKEUPS_RECEIVED.register()
sweeps = worker.SWEEPS.register()
scheduler_active = worker.SCHEDULER_ACTIVE.register()
redis_available = worker.REDIS_AVAILABLE.register()
database_available = worker.DATABASE_AVAILABLE.register()
database_connections = shared.DATABASE_CONNECTIONS.register()
unknown_routes = worker.UNKNOWN_ROUTES.register()
unwritten = worker.RESULTS_UNWRITTEN.register()
results_dropped = worker.RESULTS_DROPPED.register()
fenced = worker.FENCED.register()
defects = worker.DEFECTS.register()
expired_keys = worker.EXPIRED_KEYS_DELETED.register()
retention = worker.RETENTION_REMOVED_LEADS.register()
indexed = worker.INDEXED_LEADS.register()
backlog = BacklogMetrics()
routes = RouteMetrics(shared.WORKER_ROUTE_TABLE)

INVALID_LEAD = "INVALID_LEAD"
"""The code of a stored body that is no lead: the webhook lets none through, but a person can write into the table."""

for _part in ("contents", "records"):
    retention.labels(_part)
_rejected_codes: set[str] = set()


def rejected(code: str) -> None:
    """Count a lead that the pipeline rejected."""
    _rejected_codes.add(code)
    rejections.labels(code).inc()


def forget_all_but(loaded: Mapping[RouteKey, RouteSnapshot]) -> None:
    """Drop the series of all routes but these, and of the codes that only others had.

    Args:
        loaded: The routes that run, by key.
    """
    attempts.forget_all_but(loaded)
    leads_finished.forget_all_but(loaded)
    codes = {rule.code for route in loaded.values() for rule in route.rules}
    for code in list(_rejected_codes - codes - {MISSING_REQUIRED_FIELD, INVALID_LEAD}):
        rejections.remove(code)
        _rejected_codes.discard(code)
