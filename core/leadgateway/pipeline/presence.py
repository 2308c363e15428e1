"""What counts as a value that was given."""

from __future__ import annotations

from leadgateway.json import JsonValue
from leadgateway.route.path import MISSING, DotPath


def is_blank(value: JsonValue) -> bool:
    """Whether a value says nothing: null, or a string of nothing but white space. False, 0, [] and {} say something."""
    return value is None or (isinstance(value, str) and not value.strip())


def find(lead: dict[str, JsonValue], path: DotPath) -> JsonValue:
    """Look up what a lead says at a path; None if nothing is there or what is there is blank."""
    value = path.lookup(lead)
    return None if value is MISSING or is_blank(value) else value
