"""Point 6, and the source's side: nothing grew without bound, and no source was left waiting."""

from __future__ import annotations

from collections.abc import Iterator

from tests.chaos.audit.evidence import Evidence
from tests.chaos.audit.findings import Fault, Finding

MORE_DESCRIPTORS = 40
MORE_THREADS = 10
MORE_BYTES = 150 * 1024 * 1024
MOST_CONNECTIONS = 2 * 1 + 2 * 5
"""To PostgreSQL: docs/operations.md promises one for each webhook and five for each worker; there are two of both."""
ANSWER_SECONDS = 6.0
"""Three times the 2 s within which every post is answered, whatever is the matter behind the webhook."""

HIDING = {"processes", "network"}
"""Families of faults that keep an answer from its source."""


def check_resources(evidence: Evidence) -> Iterator[Finding]:
    """Compare what the processes held before and after."""
    before = {footprint.pid: footprint for footprint in evidence.before}
    for now in evidence.after:
        then = before.get(now.pid)
        if then is None:  # it was started anew
            continue
        if now.descriptors > then.descriptors + MORE_DESCRIPTORS:
            yield Finding(Fault.LEAKED, now.process, f"{then.descriptors} open files became {now.descriptors}")
        if now.threads > then.threads + MORE_THREADS:
            yield Finding(Fault.LEAKED, now.process, f"{then.threads} threads became {now.threads}")
        if now.resident_bytes > then.resident_bytes + MORE_BYTES:
            grown = (now.resident_bytes - then.resident_bytes) // 2**20
            yield Finding(Fault.LEAKED, now.process, f"it grew by {grown} MiB")
    old, new = evidence.connections
    if new > max(old, MOST_CONNECTIONS):
        yield Finding(Fault.LEAKED, "PostgreSQL", f"{old} connections became {new}")


def check_answers(evidence: Evidence) -> Iterator[Finding]:
    """Every source is answered in time, and every refusal says when to come back."""
    for lead in evidence.leads:
        for answer in lead.answers:
            if answer.status in {429, 503} and not answer.retry_after:
                yield Finding(Fault.SLOW, lead.mark, f"it was answered {answer.status} without Retry-After")
            late = answer.status is None or answer.seconds > ANSWER_SECONDS
            if late and not evidence.excused(answer.at, answer.at + answer.seconds, families=HIDING):
                said = answer.status or "not"
                yield Finding(Fault.SLOW, lead.mark, f"it was answered {said} after {answer.seconds:.1f} s")
