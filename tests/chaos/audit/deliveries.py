"""Points 2, 3 and 4: what the customers received is what the audit says they did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.chaos.audit.evidence import Attempt, Evidence, Story, by_key
from tests.chaos.audit.findings import Fault, Finding
from tests.chaos.records import Request

CERTAIN = {"delivered", "status"}
"""Kinds of attempts that the customer has received and answered."""

NEVER_SENT = {"connect", "dns", "tls", "refused_address", "invalid_request"}
"""Kinds of attempts that ended before anything was sent. Of all others nobody can say."""

CUSTOMERS = {"customers", "routes"}
EXPLAINING = {
    "lease_expired": {"processes", "postgres", "network"},
    "interrupted": {"processes"},
    "timeout": CUSTOMERS | {"processes"},
}
"""Which families of faults explain that nobody can say whether an attempt arrived; of all other kinds, CUSTOMERS."""


def check_deliveries(evidence: Evidence) -> Iterator[Finding]:
    """Match requests and attempts, lead by lead."""
    received = by_key(evidence.requests)
    known = {key for story in evidence.stories.values() for key, _ in story.rounds.values()}
    for key in received.keys() - known:
        yield Finding(
            Fault.UNMATCHED, f"key {key}", f"a customer received it {len(received[key])} times; no lead has it"
        )
    for story in evidence.stories.values():
        requests = [request for key, _ in story.rounds.values() for request in received.get(key, [])]
        yield from _check_result(story, requests)
        for number, (key, payload) in story.rounds.items():
            attempts = [attempt for attempt in story.attempts if attempt.round == number]
            yield from _check_round(story, attempts, received.get(key, []), payload)
            yield from _check_repeats(evidence, story, attempts, received.get(key, []))


def _check_result(story: Story, requests: Sequence[Request]) -> Iterator[Finding]:
    name = f"lead {story.lead_id}"
    taken = any(request.status is not None and 200 <= request.status < 300 for request in requests)
    if story.status == "DELIVERED" and not taken:
        yield Finding(Fault.UNDELIVERED, name, f"no customer took it; {len(requests)} requests came")
    if story.status == "REJECTED" and requests:
        yield Finding(Fault.REJECTED_SENT, name, f"{len(requests)} requests came")


def _check_round(
    story: Story, attempts: Sequence[Attempt], requests: Sequence[Request], payload: bytes
) -> Iterator[Finding]:
    name = f"lead {story.lead_id}"
    if any(request.body != payload for request in requests):
        yield Finding(Fault.CHANGED, name, "a customer received something else than the recorded payload")
    if any(request.route != story.route for request in requests):
        yield Finding(Fault.UNMATCHED, name, f"the customer of another route than {story.route} received it")
    certain = Counter(attempt.status for attempt in attempts if attempt.kind in CERTAIN)
    possible = sum(attempt.kind not in CERTAIN | NEVER_SENT for attempt in attempts)
    answered = Counter(request.status for request in requests)
    for status, count in certain.items():
        if answered[status] < count:
            yield Finding(
                Fault.UNMATCHED, name, f"{count} attempts say they were answered {status}, {answered[status]} were"
            )
    if not certain.total() <= len(requests) <= certain.total() + possible:
        kinds = [attempt.kind for attempt in attempts]
        yield Finding(Fault.UNMATCHED, name, f"{len(requests)} requests came for the attempts {kinds}")


def _check_repeats(
    evidence: Evidence, story: Story, attempts: Sequence[Attempt], requests: Sequence[Request]
) -> Iterator[Finding]:
    """A customer that has taken a lead gets it again only where a fault kept its answer from being written down."""
    taken = [request.at for request in requests if request.status is not None and 200 <= request.status < 300]
    again = [request for request in requests if taken and request.at > taken[0]]
    if not again:
        return
    name = f"lead {story.lead_id}"
    unsure = [attempt for attempt in attempts if attempt.kind not in CERTAIN | NEVER_SENT]
    if len(unsure) < len(again):
        yield Finding(Fault.REPEATED, name, f"it was taken and then sent {len(again)} times more")
    for attempt in unsure:
        if not evidence.excused(attempt.started, attempt.ended, families=EXPLAINING.get(attempt.kind, CUSTOMERS)):
            yield Finding(
                Fault.REPEATED, name, f"it was sent again after {attempt.kind}, without a fault that explains it"
            )
