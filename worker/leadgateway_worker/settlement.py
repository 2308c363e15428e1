"""What is written about a lead after an attempt: the exchange, judged, in the store's terms."""

from __future__ import annotations

from datetime import timedelta

from leadgateway.store.outcomes import (
    Attempt,
    Delivered,
    Exhausted,
    Outcome,
    PermanentlyFailed,
    Released,
    Retry,
)
from leadgateway_worker.delivery import Exchange
from leadgateway_worker.failure import Kind
from leadgateway_worker.preparation import Consignment
from leadgateway_worker.verdict import Again, Refused, Spent, Success, Verdict, kind_of

REFUSED_BY_CUSTOMER = "REFUSED_BY_CUSTOMER"
"""The code of a lead that ended because the customer answered with a status that no repeat would change."""

_MILLISECOND = timedelta(milliseconds=1)


def settle(consignment: Consignment, exchange: Exchange, verdict: Verdict, *, began: float) -> Outcome:
    """Say what becomes of a lead.

    Args:
        consignment: What was sent.
        exchange: What came of it.
        verdict: What that means.
        began: When the attempt began, by our monotonic clock.
    """
    lead_id, token, config_hash = _identity(consignment)
    attempt = _attempt(consignment, exchange, began)
    match verdict:
        case Success():
            return Delivered(lead_id, token, config_hash, attempt)
        case Again(delay=delay):
            return Retry(lead_id, token, config_hash, attempt, delay)
        case Spent():
            return Exhausted(lead_id, token, config_hash, attempt)
        case Refused():
            detail = {"response_status": exchange.status}
            return PermanentlyFailed(lead_id, token, config_hash, attempt, REFUSED_BY_CUSTOMER, detail)


def give_back(consignment: Consignment) -> Released:
    """Give a lead back that was not sent."""
    return Released(*_identity(consignment))


def interrupt(consignment: Consignment, *, began: float, ended: float) -> Released:
    """Give a lead back whose attempt was cut short because the worker stops; it uses up no retry.

    Args:
        consignment: What was sent.
        began: When, by our monotonic clock.
        ended: When it was cut short, by the same clock.
    """
    sentence = "the worker had to stop before an answer came; the customer may or may not have received the lead"
    attempt = Attempt(
        started_at=consignment.database_time(began),
        duration_ms=round((ended - began) * 1000),
        kind=Kind.INTERRUPTED,
        error=sentence,
    )
    return Released(*_identity(consignment), attempt)


def age(consignment: Consignment, outcome: Delivered) -> timedelta:
    """How long a lead took from its acceptance to its delivery, both by the database's clock."""
    ended = outcome.attempt.started_at + outcome.attempt.duration_ms * _MILLISECOND
    return max(ended - consignment.claim.received_at, timedelta(0))


def _identity(consignment: Consignment) -> tuple[int, int, str]:
    return consignment.claim.lead_id, consignment.claim.token, consignment.route.config_hash


def _attempt(consignment: Consignment, exchange: Exchange, began: float) -> Attempt:
    answered = exchange.status is not None
    return Attempt(
        started_at=consignment.database_time(began),
        duration_ms=round(exchange.seconds * 1000),
        kind=kind_of(exchange),
        response_status=exchange.status,
        response_body=exchange.body if answered else None,
        response_headers=exchange.headers if answered else None,
        error=None if exchange.failure is None else exchange.failure.sentence,
    )
