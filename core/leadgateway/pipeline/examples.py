"""Prove a route by its own examples (`spec.tests`), with the very steps that a posted lead goes through."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from leadgateway.json import JsonValue, is_equal
from leadgateway.pipeline.lead import InvalidLead, parse_lead
from leadgateway.pipeline.outcome import Mapped, Rejected
from leadgateway.pipeline.payload import encode_payload
from leadgateway.pipeline.process import decide
from leadgateway.route.path import MISSING, Missing
from leadgateway.route.snapshot import Example, RouteSnapshot

_MOST_DIFFERENCES = 20
"""Lines of differences in one message, which goes into a status condition and onto a terminal."""

_LONGEST_VALUE = 200
"""Characters of a value in a message."""

_Difference: TypeAlias = "tuple[str, JsonValue | Missing, JsonValue | Missing]"


@dataclass(frozen=True, slots=True)
class ExampleFailure:
    """An example that does not come out as it says.

    Attributes:
        name: The example's name.
        message: What was expected and what came instead: a sentence, and for a payload a line for each field that
            differs. It shows values: an example's lead is configuration, not a person's data.
    """

    name: str
    message: str


def run_examples(route: RouteSnapshot) -> list[ExampleFailure]:
    """Run a route's examples, each through parser, rules, normalisation and mapping.

    Returns:
        Those that failed, in their order; empty if the route does what its examples say, or has none.
    """
    outcomes = ((example, _disagreement(example, route)) for example in route.examples)
    return [ExampleFailure(example.name, message) for example, message in outcomes if message is not None]


def _disagreement(example: Example, route: RouteSnapshot) -> str | None:
    try:
        lead = parse_lead(encode_payload(example.lead))
    except InvalidLead as invalid:
        return f"no lead like this can be received. {invalid.sentence}"
    decision = decide(lead, route)
    if example.deliver is not None:
        return _unlike_delivery(example.deliver, decision)
    return _unlike_rejection(example.reject, decision)


def _unlike_rejection(code: str | None, decision: Rejected | Mapped) -> str | None:
    if isinstance(decision, Mapped):
        return f"expected it to be rejected with {code}, but it would be delivered as {_show(decision.payload)}"
    if decision.code == code:
        return None
    return f"expected it to be rejected with {code}, but it was rejected with {decision.code}: {decision.message}"


def _unlike_delivery(expected: Mapping[str, JsonValue], decision: Rejected | Mapped) -> str | None:
    if isinstance(decision, Rejected):
        return f"expected it to be delivered, but it was rejected with {decision.code}: {decision.message}"
    reasons: dict[str, str] = {omission.target: omission.reason for omission in decision.omitted}
    lines = [
        f"  {_printable(path)}: expected {_show(wanted)}, got {_show(got)}{_because(reasons.get(path))}"
        for path, wanted, got in _differences(dict(expected), decision.payload)
    ]
    if len(lines) > _MOST_DIFFERENCES:
        lines[_MOST_DIFFERENCES:] = [f"  … and {len(lines) - _MOST_DIFFERENCES} more"]
    return "\n".join(["it would be delivered with other contents:", *lines]) if lines else None


def _because(reason: str | None) -> str:
    return "" if reason is None else f" (left out: {reason})"


def _differences(expected: JsonValue | Missing, got: JsonValue | Missing, path: str = "") -> Iterator[_Difference]:
    """Yield each field that differs, where it is, what it should be and what it is; lists are compared as a whole."""
    wanted_fields, got_fields = _fields(expected), _fields(got)
    if wanted_fields is not None and got_fields is not None and (wanted_fields or got_fields):
        for key in wanted_fields | got_fields:
            inner = f"{path}.{key}" if path else key
            yield from _differences(wanted_fields.get(key, MISSING), got_fields.get(key, MISSING), inner)
    elif isinstance(expected, Missing) or isinstance(got, Missing) or not is_equal(expected, got):
        yield path, expected, got


def _fields(value: JsonValue | Missing) -> dict[str, JsonValue] | None:
    """The fields of an object; an absent one has none, so that what it lacks is named field by field."""
    if isinstance(value, Missing):
        return {}
    return value if isinstance(value, dict) else None


def _show(value: JsonValue | Missing) -> str:
    if value is MISSING:
        return "nothing"
    text = _printable(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _printable(text: str) -> str:
    """Escape what a terminal would obey and UTF-8 can't hold."""
    return "".join(character if character.isprintable() else json.dumps(character)[1:-1] for character in text)
