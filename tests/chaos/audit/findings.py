"""What the auditor found wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What can be wrong, in the words of the table."""

    LOST = "leads lost"
    CHANGED = "bodies changed"
    DOUBLED = "leads stored twice"
    UNKNOWN = "leads from nowhere"
    UNFINISHED = "leads not at an end"
    UNDELIVERED = "delivered, but not received"
    REJECTED_SENT = "rejected, but received"
    REPEATED = "unexplained repeats"
    UNMATCHED = "attempts that don't match requests"
    ILLEGAL = "illegal histories"
    UNTIMELY = "retries too early, late or many"
    SLOW = "slow or bare refusals"
    LEAKED = "leaks"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        fault: What kind.
        subject: Which lead, source's mark or process.
        sentence: What was found, for people.
    """

    fault: Fault
    subject: str
    sentence: str
