"""A lead's story as people read it: what happened in which order, in sentences, and what the lead holds.

Pure functions over a `LeadStory`. Nothing here is HTML; templates escape whatever comes out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadgateway.json import JsonValue
from leadgateway.pipeline.lead import InvalidLead, parse_lead
from leadgateway.store.status import LeadStatus
from leadgateway.store.story import DeliveryAttempt, DeliveryRound, LeadStory, Transition

COVER = "•••"
"""What stands in the place of a value that nobody has asked to see."""

MOST_CHARACTERS = 200_000
"""Of one text on a page; a megabyte of it would make the page useless."""

Kind = str
"""`good`, `wait`, `bad` or empty: how an event is coloured."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a lead.

    Attributes:
        at: When.
        title: What, in a word or two.
        kind: How it is coloured.
        sentences: What it means.
        facts: Further particulars, by name.
        attempt: The attempt that it is; None: it is none.
        is_ahead: Whether it is still to come.
    """

    at: datetime
    title: str
    kind: Kind
    sentences: tuple[str, ...]
    facts: Mapping[str, str]
    attempt: DeliveryAttempt | None = None
    is_ahead: bool = False


@dataclass(frozen=True, slots=True)
class Contents:
    """What a lead holds, as texts; covered unless they were asked for.

    Attributes:
        body: As posted.
        headers: As posted, without authentication.
        payloads: What was or is to be sent, by round, the latest first.
        answers: What the customer answered, headers and body, by the number of the attempt.
    """

    body: str
    headers: Mapping[str, str]
    payloads: tuple[tuple[DeliveryRound, str], ...]
    answers: Mapping[int, str]


def events_of(story: LeadStory) -> list[Event]:
    """Everything that happened, in order, and what happens next."""
    events = [*map(_step, story.transitions), *(_attempt(each, story) for each in story.attempts)]
    events += [
        Event(repeat.received_at, "Came again", "", ("It was answered as a duplicate.",), {})
        for repeat in story.repeats
    ]
    # A step comes before the attempt of the same moment: mapped, then sent.
    events.sort(key=lambda event: (event.at, event.attempt is not None))
    return [*events, *_next(story)]


def contents_of(story: LeadStory, *, is_open: bool) -> Contents:
    """What the lead holds.

    Args:
        story: Its story.
        is_open: Whether somebody has asked to see it; otherwise every value is covered, and only names are shown.
    """
    rounds = sorted(story.rounds, key=lambda each: -each.round)
    return Contents(
        body=text_of(story.body, is_open=is_open),
        headers={name: _bounded(value) if is_open else COVER for name, value in story.headers.items()},
        payloads=tuple((each, text_of(each.payload, is_open=is_open)) for each in rounds),
        answers={
            each.number: _answer(each) if is_open else COVER
            for each in story.attempts
            if each.response_body or each.response_headers
        },
    )


def _answer(attempt: DeliveryAttempt) -> str:
    """What the customer answered, as HTTP has it: headers, an empty line, the body's beginning."""
    head = "".join(f"{name}: {value}\n" for name, value in (attempt.response_headers or {}).items())
    body = (attempt.response_body or b"").decode("utf-8", "replace")
    return _bounded(f"{head}\n{body}" if head else body)


def text_of(data: bytes, *, is_open: bool) -> str:
    """A body or payload as text: JSON with its lines and indents, anything else as it is."""
    if not data:
        return ""
    try:
        value: JsonValue = parse_lead(data)
    except InvalidLead:
        return _bounded(data.decode("utf-8", "replace")) if is_open else COVER
    return _bounded(json.dumps(value if is_open else _covered(value), indent=2, ensure_ascii=False))


def _covered(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {name: _covered(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_covered(inner) for inner in value[:20]]
    return value if value is None else COVER


def _bounded(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]}\n… and {len(text) - MOST_CHARACTERS} characters more"


_KINDS: Mapping[LeadStatus, Kind] = {
    LeadStatus.RECEIVED: "",
    LeadStatus.READY: "",
    LeadStatus.DELIVERED: "good",
    LeadStatus.REJECTED: "bad",
    LeadStatus.FAILED: "wait",
    LeadStatus.PERMANENTLY_FAILED: "bad",
}


def kind_of(status: LeadStatus) -> Kind:
    """How a status is coloured."""
    return _KINDS[status]


def _step(step: Transition) -> Event:
    return Event(
        at=step.at,
        title=step.to_status.value,
        kind=kind_of(step.to_status),
        sentences=tuple(_meanings(step)),
        facts=_facts(
            code=step.code, by=step.actor, config=step.config_hash, **{k: _plain(v) for k, v in _details(step).items()}
        ),
    )


def _meanings(step: Transition) -> Iterator[str]:
    message = _details(step).get("message")
    match step.to_status:
        case LeadStatus.RECEIVED if step.from_status is None:
            yield "Accepted and stored."
        case LeadStatus.RECEIVED:
            yield "Moved to another route." if step.code == "MOVED" else "Sent through again by a person."
        case LeadStatus.READY:
            first = step.from_status is LeadStatus.RECEIVED
            yield "Passed the rules and was mapped." if first else "Due again."
        case LeadStatus.DELIVERED:
            yield "The customer took it."
        case LeadStatus.FAILED:
            yield "The attempt failed; another one follows."
        case LeadStatus.REJECTED:
            yield f"Turned down with {step.code}."
        case LeadStatus.PERMANENTLY_FAILED:
            yield f"Given up: {step.code}." if step.code else "Given up."
    if isinstance(message, str):
        yield message


def _details(step: Transition) -> Mapping[str, JsonValue]:
    return step.detail or {}


def _attempt(attempt: DeliveryAttempt, story: LeadStory) -> Event:
    keys = {each.round: str(each.idempotency_key) for each in story.rounds}
    answered = f"Answered {attempt.response_status}" if attempt.response_status else f"No answer: {attempt.kind}"
    return Event(
        at=attempt.started_at,
        title=f"Attempt {attempt.number}",
        kind="good" if attempt.kind == "delivered" else "wait",
        sentences=tuple(filter(None, (f"{answered} after {attempt.duration_ms} ms.", attempt.error))),
        facts=_facts(
            round=str(attempt.round),
            idempotency_key=keys.get(attempt.round),
            worker=attempt.worker,
            config=attempt.config_hash,
        ),
        attempt=attempt,
    )


def _next(story: LeadStory) -> Iterator[Event]:
    if story.leased_until is not None:
        facts = _facts(worker=story.lease_holder)
        yield Event(
            story.leased_until,
            "Under way",
            "wait",
            ("A worker is on it, until then at the longest.",),
            facts,
            is_ahead=True,
        )
    elif story.due_at is not None:
        is_retry = story.failures > 0
        yield Event(
            story.due_at,
            "Next attempt" if is_retry else "Due",
            "wait",
            (f"After {story.failures} failed." if is_retry else "A worker looks at it then.",),
            {},
            is_ahead=True,
        )


_TOLD_OTHERWISE = {"message", "due_at"}


def _facts(**facts: str | None) -> dict[str, str]:
    return {name.replace("_", " "): value for name, value in facts.items() if value and name not in _TOLD_OTHERWISE}


def _plain(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def short(span: timedelta) -> str:
    """How long after the beginning something happened."""
    seconds = span.total_seconds()
    return f"+{seconds * 1000:.0f} ms" if seconds < 1 else f"+{seconds:.1f} s"
