"""Compiles `spec.retry` and `spec.retention`."""

from __future__ import annotations

from datetime import timedelta

from leadgateway.route import snapshot
from leadgateway.route.compile.findings import Findings
from leadgateway.route.model import Retention, Retry

_LONGEST_FIRST_DELAY = timedelta(days=1)
_LONGEST_DELAY = timedelta(days=7)
_SHORTEST_RETENTION = timedelta(hours=1)
_LONGEST_RETENTION = timedelta(days=3650)


def compile_retry(retry: Retry, findings: Findings) -> snapshot.RetryPolicy | None:
    """Compile when deliveries are repeated; None after noting why not."""
    field = "spec.retry"
    findings.duplicates(f"{field}.retryStatuses", retry.retry_statuses)
    initial = findings.duration(
        f"{field}.initialDelay", retry.initial_delay, shortest=timedelta(), longest=_LONGEST_FIRST_DELAY
    )
    longest = findings.duration(f"{field}.maxDelay", retry.max_delay, shortest=timedelta(), longest=_LONGEST_DELAY)
    if initial is None or longest is None:
        return None
    if initial > longest:
        findings.note(
            f"{field}.initialDelay", "is above maxDelay, so it would never be waited; lower it or raise maxDelay"
        )
    return snapshot.RetryPolicy(
        max_retries=retry.max_retries,
        initial_delay=initial,
        factor=retry.factor,
        max_delay=longest,
        jitter=retry.jitter,
        statuses=frozenset(retry.retry_statuses),
    )


def compile_retention(retention: Retention, findings: Findings) -> snapshot.Retention | None:
    """Compile how long leads are kept; None after noting why not."""
    bounds = {"shortest": _SHORTEST_RETENTION, "longest": _LONGEST_RETENTION}
    payload = findings.duration("spec.retention.payload", retention.payload, **bounds)
    records = findings.duration("spec.retention.records", retention.records, **bounds)
    if payload is None or records is None:
        return None
    if payload > records:
        findings.note("spec.retention.payload", "is above records, and contents have no place without their record")
    return snapshot.Retention(payload, records)
