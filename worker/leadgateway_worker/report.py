"""Logs and counts what became of leads: by id, route and code, never with their contents."""

from __future__ import annotations

import structlog

from leadgateway.store.outcomes import Delivered, Exhausted, PermanentlyFailed, Rejected, Released, Retry
from leadgateway.store.status import LeadStatus
from leadgateway_worker import metrics
from leadgateway_worker.results import Result

_log = structlog.get_logger(__name__)


def tell(result: Result) -> None:
    """Log and count a result that has been written.

    What goes as it should is logged at the level `debug`: at 2,000 leads a second the lines would cost more than the
    deliveries, and the audit in the database has every one.
    """
    claim, outcome = result.claim, result.outcome
    log = _log.bind(lead_id=claim.lead_id, correlation_id=str(claim.correlation_id), route=claim.route)
    match outcome:
        case Delivered(attempt=attempt):
            _finished(claim.route, LeadStatus.DELIVERED)
            log.debug("lead.delivered", response_status=attempt.response_status, duration_ms=attempt.duration_ms)
        case Rejected(code=code):
            _finished(claim.route, LeadStatus.REJECTED)
            log.debug("lead.rejected", code=code)
        case Retry(attempt=attempt, delay=delay):
            log.info(
                "lead.attempt_failed",
                kind=attempt.kind,
                response_status=attempt.response_status,
                error=attempt.error,
                retry_in_seconds=round(delay.total_seconds(), 1),
            )
        case Exhausted(attempt=attempt):
            _finished(claim.route, LeadStatus.PERMANENTLY_FAILED)
            log.warning("lead.given_up", kind=attempt.kind, error=attempt.error, failures=claim.failures + 1)
        case PermanentlyFailed(code=code, attempt=attempt):
            _finished(claim.route, LeadStatus.PERMANENTLY_FAILED)
            log.warning("lead.given_up", code=code, response_status=attempt and attempt.response_status)
        case Released(attempt=attempt):
            log.info("lead.released", interrupted=attempt is not None)


def _finished(route: str, status: LeadStatus) -> None:
    metrics.leads_finished.labels(route, status).inc()
