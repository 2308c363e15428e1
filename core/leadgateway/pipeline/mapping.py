"""Map a normalised lead onto the payload that its customer expects."""

from __future__ import annotations

from collections.abc import Iterable

from leadgateway.json import JsonValue, is_equal
from leadgateway.pipeline.convert import convert
from leadgateway.pipeline.outcome import MISSING_REQUIRED_FIELD, Mapped, Omission, OmissionReason, Rejected
from leadgateway.pipeline.presence import find, is_blank
from leadgateway.pipeline.rules import is_within
from leadgateway.pipeline.view import LeadView
from leadgateway.route.path import MISSING
from leadgateway.route.snapshot import Constant, FromPath, Source, Target


def map_lead(lead: dict[str, JsonValue], targets: Iterable[Target]) -> Mapped | Rejected:
    """Fill each target from its source; only a required target that can't be filled rejects the lead.

    A source that says nothing (absent, null, blank, a CEL error) gives way to the target's default. What there is then
    must be of the target's type, one of its enum, matched by its pattern and within its bounds, in this order. A value
    that isn't is never replaced by the default: an optional target is left out, and named in `omitted`.

    Args:
        lead: The normalised lead.
        targets: In the order in which they are judged; none is a prefix of another.
    """
    payload: dict[str, JsonValue] = {}
    omitted: list[Omission] = []
    view = LeadView(lead)
    for target in targets:
        value = _fill(target, view)
        if not isinstance(value, Omission):
            _place(payload, target.path, value)
        elif target.required:
            return Rejected(MISSING_REQUIRED_FIELD, target.name, _lack(target, value.reason))
        else:
            omitted.append(value)
    return Mapped(payload, tuple(omitted))


def _fill(target: Target, view: LeadView) -> JsonValue | Omission:
    value = _read(target.source, view)
    if value is None:
        value = target.default
    if value is None:
        return Omission(target.name, "missing")
    if target.type is not None:
        value = convert(value, target.type, region=target.region)
        if value is None:
            return Omission(target.name, "wrong_type")
    violation = _violation(target, value)
    return value if violation is None else Omission(target.name, violation)


def _read(source: Source, view: LeadView) -> JsonValue:
    """What a source says; None if nothing. A constant counts as it stands, even when it is an empty string."""
    if isinstance(source, FromPath):
        return find(view.lead, source.path)
    if isinstance(source, Constant):
        return source.value
    value = source.expression.value(view.prepared)
    return None if value is MISSING or is_blank(value) else value


def _violation(target: Target, value: JsonValue) -> OmissionReason | None:
    if target.enum is not None and not any(is_equal(value, allowed) for allowed in target.enum):
        return "not_in_enum"
    if target.pattern is not None and not target.pattern.matches(value):
        return "pattern_mismatch"
    bounded = target.minimum is not None or target.maximum is not None
    if bounded and not is_within(value, target.minimum, target.maximum):
        return "out_of_range"
    return None


def _place(payload: dict[str, JsonValue], path: tuple[str, ...], value: JsonValue) -> None:
    *parents, last = path
    for segment in parents:
        nested = payload.setdefault(segment, {})
        assert isinstance(nested, dict), "compile refuses a target that is a prefix of another"
        payload = nested
    payload[last] = value


def _lack(target: Target, reason: OmissionReason) -> str:
    return f"The required field {target.name} {_LACKS[reason].format(type=target.type)}."


_LACKS: dict[OmissionReason, str] = {
    "missing": "has no value",
    "wrong_type": "has a value that can't be read as its type, {type}",
    "not_in_enum": "has a value that is none of its enum",
    "pattern_mismatch": "has a value that its pattern does not match",
    "out_of_range": "has a value outside of its bounds",
}
