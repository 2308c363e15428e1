"""Point 1: every lead that was answered 200 exists, once, byte for byte, and has come to an end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.chaos.audit.evidence import Evidence, Story
from tests.chaos.audit.findings import Fault, Finding
from tests.chaos.records import Lead

FINAL = {"DELIVERED", "REJECTED", "PERMANENTLY_FAILED"}


def check_arrivals(evidence: Evidence) -> Iterator[Finding]:
    """Compare what sources were told with what is stored."""
    persons = {lead.body: lead.person for lead in evidence.leads}
    repeats = Counter(evidence.duplicates)
    for lead in evidence.leads:
        for lead_id in sorted(lead.accepted):
            yield from _check_accepted(lead, evidence.stories.get(lead_id), persons, repeats, lead_id)
        if len(lead.accepted) > 1:
            yield Finding(Fault.DOUBLED, lead.mark, f"its source was told several ids: {sorted(lead.accepted)}")
    yield from _check_stored(evidence, persons)


def _check_accepted(
    lead: Lead, story: Story | None, persons: dict[bytes, str], repeats: Counter[tuple[int, bytes]], lead_id: int
) -> Iterator[Finding]:
    if story is None:
        yield Finding(Fault.LOST, lead.mark, f"it was answered 200 as lead {lead_id}, which is not there")
    elif story.body == lead.body:
        return
    elif not _was_duplicate(lead, lead_id):
        yield Finding(Fault.CHANGED, lead.mark, f"lead {lead_id} is not what was posted: {story.body[:200]!r}")
    elif persons.get(story.body) != lead.person:
        yield Finding(Fault.LOST, lead.mark, f"it was taken for a duplicate of lead {lead_id}, of another person")
    elif not repeats[lead_id, lead.body]:
        yield Finding(Fault.LOST, lead.mark, f"it was a duplicate of lead {lead_id}, and its body was not kept")


def _was_duplicate(lead: Lead, lead_id: int) -> bool:
    return all(answer.word == "duplicate" for answer in lead.answers if answer.lead_id == lead_id)


def _check_stored(evidence: Evidence, persons: dict[bytes, str]) -> Iterator[Finding]:
    times = Counter(story.body for story in evidence.stories.values())
    for story in evidence.stories.values():
        if story.body not in persons:
            yield Finding(Fault.UNKNOWN, f"lead {story.lead_id}", f"nobody posted it: {story.body[:200]!r}")
        elif times[story.body] > 1:
            yield Finding(Fault.DOUBLED, f"lead {story.lead_id}", "its body is stored more than once")
        if story.status not in FINAL:
            yield Finding(Fault.UNFINISHED, f"lead {story.lead_id}", f"it is still {story.status}")
