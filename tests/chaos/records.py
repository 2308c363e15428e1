"""What the harness writes down while it runs: evidence the product has no hand in. Times are seconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Answered:
    """What a source was told for one post.

    Attributes:
        at: When it was sent.
        seconds: How long the answer took, or until the source gave up.
        status: HTTP status; None: no answer.
        lead_id: From a 200.
        word: `accepted` or `duplicate` from a 200; the `code` of an error.
        retry_after: Whether the answer said when to come back.
    """

    at: float
    seconds: float
    status: int | None
    lead_id: int | None = None
    word: str | None = None
    retry_after: bool = False


@dataclass(slots=True)
class Lead:
    """A lead as its source knows it.

    Attributes:
        mark: Unique; part of the body.
        route: Name of the LeadRoute it is posted to.
        body: What is posted, byte for byte.
        key: Idempotency-Key; a source that has one posts again until it is answered 200.
        person: Whose lead it is: two leads of one person are duplicates where the route says so.
        good: Whether it passes the route's rules.
        answers: One for each post.
    """

    mark: str
    route: str
    body: bytes
    key: str | None
    person: str
    good: bool
    answers: list[Answered] = field(default_factory=list)

    @property
    def accepted(self) -> set[int]:
        """The ids that its source was told with a 200."""
        return {answer.lead_id for answer in self.answers if answer.status == 200 and answer.lead_id is not None}


@dataclass(frozen=True, slots=True)
class Request:
    """What a customer received.

    Attributes:
        at: When it had come whole.
        route: From the URL.
        key: Its Idempotency-Key.
        body: What came.
        status: What it was answered; None: no whole answer was given.
    """

    at: float
    route: str
    key: str
    body: bytes
    status: int | None


@dataclass(frozen=True, slots=True)
class Episode:
    """A fault as it happened."""

    kind: str
    family: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one process holds."""

    process: str
    pid: int
    descriptors: int
    threads: int
    resident_bytes: int


@dataclass(frozen=True, slots=True)
class RetryRule:
    """What a route promises about retries."""

    most: int
    first_seconds: float
    factor: float
    longest_seconds: float

    def delay(self, failures: int) -> float:
        """Seconds to wait after the n-th failure of a round."""
        return min(self.first_seconds * self.factor ** (failures - 1), self.longest_seconds)
