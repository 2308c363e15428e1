"""A lead's story for programs (JSON) and for people (text)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.text import Text

from leadgateway.commands.columns import STATUS_COLOURS, printable
from leadgateway.pipeline.lead import InvalidLead, parse_lead
from leadgateway.store.story import DeliveryAttempt, LeadStory, Transition


def as_json(story: LeadStory) -> dict[str, Any]:
    """Write a story for programs; times are ISO 8601 in UTC, bodies are JSON where they are JSON and text otherwise."""
    return {
        "lead_id": story.lead_id,
        "correlation_id": str(story.correlation_id),
        "route": story.route,
        "arrived_at_route": story.arrived_at_route,
        "status": story.status.value,
        "reject_code": story.reject_code,
        "received_at": _time(story.received_at),
        "due_at": _time(story.due_at),
        "leased_until": _time(story.leased_until),
        "config_hash": story.config_hash,
        "round": story.round,
        "contents_removed_at": _time(story.contents_removed_at),
        "contents_removed_by": story.contents_removed_by,
        "body": content(story.body),
        "headers": dict(story.headers),
        "transitions": [_transition(transition) for transition in story.transitions],
        "attempts": [_attempt(attempt, story) for attempt in story.attempts],
        "rounds": [
            {
                "round": each.round,
                "created_at": _time(each.created_at),
                "idempotency_key": str(each.idempotency_key),
                "config_hash": each.config_hash,
                "payload": content(each.payload),
            }
            for each in story.rounds
        ],
        "omitted": {str(each.round): dict(each.omitted) for each in story.rounds if each.omitted},
        "duplicates": [
            {
                "received_at": _time(repeat.received_at),
                "correlation_id": str(repeat.correlation_id),
                "headers": dict(repeat.headers),
                "body": content(repeat.body),
            }
            for repeat in story.repeats
        ],
        "breaker_openings": [
            {
                "opened_at": _time(opening.opened_at),
                "closed_at": _time(opening.closed_at),
                "probe_at": None if opening.closed_at else _time(opening.probe_at),
                "probes": opening.probes,
                "attempts": opening.attempts,
                "failures": opening.failures,
                "leads": opening.leads,
            }
            for opening in story.openings
        ],
    }


def as_text(story: Mapping[str, Any]) -> Text:
    """Write a story, as `as_json` has it, for people, in the order in which it happened."""
    return Text.from_markup("\n".join(_lines(story)))


def _transition(transition: Transition) -> dict[str, Any]:
    return {
        "seq": transition.seq,
        "at": _time(transition.at),
        "from": transition.from_status and transition.from_status.value,
        "to": transition.to_status.value,
        "actor": transition.actor,
        "code": transition.code,
        "detail": None if transition.detail is None else dict(transition.detail),
        "config_hash": transition.config_hash,
    }


def _attempt(attempt: DeliveryAttempt, story: LeadStory) -> dict[str, Any]:
    keys = {each.round: str(each.idempotency_key) for each in story.rounds}
    return {
        "number": attempt.number,
        "round": attempt.round,
        "idempotency_key": keys.get(attempt.round),
        "started_at": _time(attempt.started_at),
        "duration_ms": attempt.duration_ms,
        "kind": attempt.kind,
        "request_body": content(attempt.request_body),
        "response_status": attempt.response_status,
        "response_headers": None if attempt.response_headers is None else dict(attempt.response_headers),
        "response_body": _text(attempt.response_body),
        "error": attempt.error,
        "worker": attempt.worker,
        "config_hash": attempt.config_hash,
    }


def _lines(story: Mapping[str, Any]) -> Iterator[str]:
    status, openings = story["status"], story["breaker_openings"]
    reason = f" ({escape(printable(story['reject_code']))})" if story["reject_code"] else ""
    route = escape(printable(story["route"]))
    yield f"[bold]Lead {story['lead_id']}[/]  [{_colour(status)}]{status}[/]{reason}  {route}"
    yield f"[dim]correlation id {story['correlation_id']}, received {story['received_at']}[/]"
    if story["due_at"] is not None:
        yield f"[dim]due {story['due_at']}{', a worker is on it' if story['leased_until'] else ''}[/]"
    if story["due_at"] is not None and openings and openings[-1]["closed_at"] is None:
        probe_at = openings[-1]["probe_at"]
        yield f"[yellow]waits: the customer is down (open circuit breaker); one lead is tried at {probe_at}[/]"
    if story["contents_removed_at"] is not None:
        yield f"[dim]contents removed by {story['contents_removed_by']} on {story['contents_removed_at']}[/]"
    yield ""
    yield from _events(story)
    for repeat in story["duplicates"]:
        yield f"{_clock(repeat['received_at'])}  came again, correlation id {repeat['correlation_id']}"
    if story["contents_removed_at"] is None:
        yield from _contents(story)


def _contents(story: Mapping[str, Any]) -> Iterator[str]:
    yield "\n[bold]Body as posted[/]"
    yield _indented(story["body"])
    for each in story["rounds"]:
        yield f"\n[bold]Payload of round {each['round']}[/]  [dim]Idempotency-Key {each['idempotency_key']}[/]"
        yield _indented(each["payload"])
        for target, why in story["omitted"].get(str(each["round"]), {}).items():
            yield f"  [dim]left out: {escape(printable(target))} ({escape(printable(why))})[/]"
    yield "\n[bold]Headers[/]"
    yield from (f"  {escape(printable(name))}: {escape(printable(value))}" for name, value in story["headers"].items())


def _events(story: Mapping[str, Any]) -> Iterator[str]:
    steps: list[tuple[str, int, str]] = []
    steps += [(each["at"], 0, _transition_line(each)) for each in story["transitions"]]
    steps += [(each["started_at"], 1, _attempt_line(each)) for each in story["attempts"]]
    steps += [line for opening in story["breaker_openings"] for line in _opening_lines(opening)]
    for at, _, line in sorted(steps, key=lambda step: (datetime.fromisoformat(step[0]), step[1])):
        yield f"{_clock(at)}  {line}"


def _opening_lines(opening: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    failed = f"{opening['failures']} of {opening['attempts']} attempts"
    why = f"{failed} for {opening['leads']} leads or more had failed"
    yield opening["opened_at"], 2, f"{'breaker opened':<18}[dim]{why}[/]"
    if opening["closed_at"] is not None:
        yield opening["closed_at"], 2, f"{'breaker closed':<18}[dim]after {opening['probes']} tries[/]"


def _transition_line(transition: Mapping[str, Any]) -> str:
    status = transition["to"]
    code = f" {transition['code']}" if transition["code"] else ""
    detail = f" {json.dumps(transition['detail'], ensure_ascii=False)}" if transition["detail"] else ""
    note = escape(printable(f"{code}{detail}  by {transition['actor']}"))
    return f"[{_colour(status)}]{status:<18}[/][dim]{note}[/]"


def _attempt_line(attempt: Mapping[str, Any]) -> str:
    answer = f"{attempt['response_status']}" if attempt["response_status"] else attempt["kind"]
    error = f"  {attempt['error']}" if attempt["error"] else ""
    line = f"  {answer} after {attempt['duration_ms']} ms{error}"
    body = attempt["response_body"]
    said = f"\n{' ' * 14}  answer: {body[:200]}" if body and attempt["response_status"] else ""
    return f"attempt {attempt['number']:<10}[dim]{escape(printable(line + said, keep=chr(10)))}[/]"


def _colour(status: str) -> str:
    return STATUS_COLOURS.get(status, "default")


def _indented(content: Any) -> str:
    text = json.dumps(content, indent=2, ensure_ascii=False) if not isinstance(content, str) else content
    return "\n".join(f"  {escape(printable(line))}" for line in text.split("\n"))


def content(data: bytes | None) -> Any:
    """What was stored, for JSON: JSON as JSON; anything else as text; None for what was removed or never was."""
    if not data:
        return None
    try:
        return parse_lead(data)
    except InvalidLead:
        return _text(data)


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "backslashreplace")


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _clock(time: str) -> str:
    at = datetime.fromisoformat(time)
    return f"[dim]{at:%H:%M:%S}.{at.microsecond // 1000:03d}[/]  "
