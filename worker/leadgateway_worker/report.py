"""Logs and counts what became of leads: by id, route and code, never with their contents."""

from __future__ import annotations

import logging

import structlog

from leadgateway.store.claims import Claim
from leadgateway.store.outcomes import Delivered, Exhausted, Outcome, PermanentlyFailed, Rejected, Released, Retry
from leadgateway.store.status import LeadStatus
from leadgateway_worker import metrics
from leadgateway_worker.naming import names
from leadgateway_worker.results import Result

_log = structlog.get_logger(__name__)
_level = logging.getLogger(__name__)


def tell(result: Result) -> None:
    """Log and count a result that has been written.

    What goes as it should is logged at the level `debug`: at 2,000 leads a second the lines would cost more than the
    deliveries, and the audit in the database has every one.
    """
    _time_first_outcome(result.claim, result.outcome)
    _count(result.claim, result.outcome)
    # Asked beforehand: to name a lead for a line that is not written costs three times what counting it does.
    if not isinstance(result.outcome, Delivered | Rejected) or _level.isEnabledFor(logging.DEBUG):
        _write_line(result)


def _count(claim: Claim, outcome: Outcome) -> None:
    match outcome:
        case Delivered():
            metrics.leads_finished.inc(claim.route, LeadStatus.DELIVERED)
        case Rejected():
            metrics.leads_finished.inc(claim.route, LeadStatus.REJECTED)
        case Exhausted() | PermanentlyFailed():
            metrics.leads_finished.inc(claim.route, LeadStatus.PERMANENTLY_FAILED)
        case Retry():
            metrics.retries.inc()


def _write_line(result: Result) -> None:
    claim = result.claim
    log = _log.bind(**names(claim), **result.trace_ids)
    match result.outcome:
        case Delivered(attempt=attempt):
            log.debug("lead.delivered", response_status=attempt.response_status, duration_ms=attempt.duration_ms)
        case Rejected(code=code):
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
            log.warning("lead.given_up", kind=attempt.kind, error=attempt.error, failures=claim.failures + 1)
        case PermanentlyFailed(code=code, attempt=attempt):
            log.warning("lead.given_up", code=code, response_status=attempt and attempt.response_status)
        case Released(attempt=attempt):
            log.info("lead.released", interrupted=attempt is not None)


def _time_first_outcome(claim: Claim, outcome: Outcome) -> None:
    """Observe how long a lead waited until it was dealt with for the first time."""
    if claim.round == 1 and claim.failures == 0 and not isinstance(outcome, Released):
        metrics.first_outcome_seconds.observe(max(claim.age_seconds(), 0.0))
