"""Check a lead against the rules of its route."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from leadgateway.json import JsonValue, is_equal, is_number
from leadgateway.pipeline.outcome import Rejected
from leadgateway.pipeline.presence import find
from leadgateway.pipeline.view import LeadView
from leadgateway.route.path import MISSING
from leadgateway.route.snapshot import Check, Equals, Holds, InRange, Matches, OneOf, Required, Rule


def first_failure(lead: dict[str, JsonValue], rules: Iterable[Rule]) -> Rejected | None:
    """Check rules in their order: the first that fails rejects the lead; None if all of them hold."""
    view = LeadView(lead)
    for rule in rules:
        failure = _failure(rule.check, view)
        if failure is not None:
            field, message = failure
            return Rejected(rule.code, field, message)
    return None


def _failure(check: Check, view: LeadView) -> tuple[str | None, str] | None:
    """What a check holds against a lead: the field and a sentence; None if it passes."""
    if isinstance(check, Required):
        return _lacking(check, view.lead)
    if isinstance(check, Holds):
        return None if check.expression.holds(view.prepared) else _CEL_FAILS
    value = check.path.lookup(view.lead)
    if value is MISSING:
        return check.path.text, f"{check.path.text} is missing."
    return None if _passes(check, value) else (check.path.text, f"{check.path.text} {_DEMANDS[type(check)]}.")


def _lacking(check: Required, lead: dict[str, JsonValue]) -> tuple[str, str] | None:
    for path in check.paths:
        if find(lead, path) is None:
            return path.text, f"{path.text} is missing or empty."
    return None


_CEL_FAILS = (None, "The CEL expression of the rule does not hold.")
_DEMANDS: dict[type[Check], str] = {
    Matches: "is not a string that the pattern matches in full",
    Equals: "does not equal the value that the rule demands",
    OneOf: "is none of the values that the rule allows",
    InRange: "is not a number within the bounds of the rule",
}


def _passes(check: Matches | Equals | OneOf | InRange, value: JsonValue) -> bool:
    if isinstance(check, Matches):
        return check.pattern.matches(value)
    if isinstance(check, Equals):
        return is_equal(value, check.value)
    if isinstance(check, OneOf):
        return any(is_equal(value, allowed) for allowed in check.values)
    if isinstance(check, InRange):
        return is_within(value, check.minimum, check.maximum)
    assert_never(check)


def is_within(value: JsonValue, minimum: float | None, maximum: float | None) -> bool:
    """Whether a value is a number (not a boolean) within bounds, both inclusive; None is no bound."""
    if not is_number(value):
        return False
    return (minimum is None or value >= minimum) and (maximum is None or value <= maximum)
