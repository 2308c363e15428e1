"""What an exchange means for the lead: delivered, again later, or over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from leadgateway.route.snapshot import RetryPolicy
from leadgateway_worker.backoff import delay_before_retry, parse_retry_after
from leadgateway_worker.delivery import Exchange
from leadgateway_worker.failure import Kind


@dataclass(frozen=True, slots=True)
class Success:
    """The customer has the lead."""


@dataclass(frozen=True, slots=True)
class Again:
    """The attempt is repeated after `delay`."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class Spent:
    """The last repeat failed, too."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The customer's status is one that no repeat would change."""


Verdict = Success | Again | Spent | Refused


def judge(exchange: Exchange, policy: RetryPolicy, *, failures: int, now: datetime, draw: float) -> Verdict:
    """Decide what follows an exchange.

    2xx is success. 5xx, the route's `retryStatuses`, timeouts and whatever else broke the exchange off is repeated,
    `maxRetries` times. Every other status ends the lead (the seed system's contract): redirects are not followed.

    An address that is refused is repeated like a connection error: it is as often a passing mistake of a name server
    as one of the LeadRoute, nothing was sent, and at the end the lead is among the dead letters either way.

    Args:
        exchange: What came of the attempt.
        policy: The route's retry block.
        failures: Failed attempts of this round before this one.
        now: For a `Retry-After` that is a date.
        draw: A random number from 0 to 1, for the jitter.
    """
    if exchange.failure is None and exchange.status is not None:
        if 200 <= exchange.status < 300:
            return Success()
        if exchange.status < 500 and exchange.status not in policy.statuses:
            return Refused()
    if failures >= policy.max_retries:
        return Spent()
    asked = None if exchange.failure else parse_retry_after(exchange.headers.get("retry-after"), now=now)
    return Again(delay_before_retry(policy, failures=failures + 1, draw=draw, retry_after=asked))


def kind_of(exchange: Exchange) -> Kind:
    """Tell how an attempt ended, in one word for audit and metrics."""
    if exchange.failure is not None:
        return exchange.failure.kind
    return Kind.DELIVERED if exchange.status is not None and 200 <= exchange.status < 300 else Kind.STATUS
