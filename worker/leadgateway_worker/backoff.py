"""When a failed attempt is repeated: exponential backoff, and what a customer asks for by `Retry-After`."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from leadgateway.route.snapshot import RetryPolicy


def delay_before_retry(
    policy: RetryPolicy, *, failures: int, draw: float, retry_after: timedelta | None = None
) -> timedelta:
    """Tell how long to wait after a failed attempt: 30, 60, 120, 240, 480 s by the default policy.

    A customer's `Retry-After` can make the wait longer, up to the policy's longest, never shorter: it says when the
    customer will be back at the earliest (RFC 9110, 10.2.3), and five hasty retries would be gone in no time.

    Args:
        policy: The route's retry block.
        failures: Failed attempts in this round so far, this one included; 1 after the first.
        draw: A random number from 0 to 1 that decides the jitter; 0.5 means none.
        retry_after: What the customer asked for.
    """
    longest = policy.max_delay.total_seconds()
    wait = min(_grown(policy, failures - 1), longest)
    wait = min(wait * (1 + policy.jitter * (2 * draw - 1)), longest)
    asked = 0.0 if retry_after is None else min(retry_after.total_seconds(), longest)
    return timedelta(seconds=max(wait, asked, 0.0))


def _grown(policy: RetryPolicy, steps: int) -> float:
    try:
        return policy.initial_delay.total_seconds() * policy.factor**steps
    except OverflowError:
        return math.inf


def parse_retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """Read a `Retry-After` header: seconds, or a date (RFC 9110, 10.2.3).

    Args:
        value: The header's value; None if there is none.
        now: What a date is compared with; with a time zone.

    Returns:
        How long to wait, not negative, or None for a value that can't be read, which is ignored.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return _seconds(text)
    return _until(text, now)


_LONGEST_DIGITS = 9  # a timedelta holds no more than 999,999,999 days


def _seconds(digits: str) -> timedelta:
    if len(digits.lstrip("0")) > _LONGEST_DIGITS:
        return timedelta.max
    return timedelta(seconds=int(digits))


def _until(text: str, now: datetime) -> timedelta | None:
    try:
        when = parsedate_to_datetime(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        return max(when - now, timedelta(0))
    except (ValueError, OverflowError):
        return None
