"""Collects problems while a LeadRoute is compiled, so that its author learns of all of them at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from datetime import timedelta
from typing import Final, TypeVar

from leadgateway.json import JsonValue
from leadgateway.route.duration import format_duration, parse_duration
from leadgateway.route.problem import Problem

T = TypeVar("T")

MAX_JSON_DEPTH: Final = 64
"""How deep free JSON may nest: as deep as a lead."""


class Findings:
    """The problems found so far."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def note(self, field: str, message: str) -> None:
        """Add a problem.

        Args:
            field: Path of the field at fault.
            message: A sentence that says what to change.
        """
        self.problems.append(Problem(field, message))

    def parsed(self, field: str, parse: Callable[[str], T], text: str) -> T | None:
        """Parse a field's text.

        Args:
            field: Path of the field.
            parse: Raises a ValueError whose message says what to change.
            text: What the field holds.

        Returns:
            The result; None after noting why there is none.
        """
        try:
            return parse(text)
        except ValueError as error:
            self.note(field, str(error))
            return None

    def duration(self, field: str, text: str, *, shortest: timedelta, longest: timedelta) -> timedelta | None:
        """Parse a duration that must lie within bounds, both inclusive; None after noting what is wrong."""
        duration = self.parsed(field, parse_duration, text)
        if duration is None or shortest <= duration <= longest:
            return duration
        bounds = f"{format_duration(shortest)} and {format_duration(longest)}"
        self.note(field, f"{text} is out of bounds; write something between {bounds}")
        return None

    def duplicates(self, field: str, entries: Iterable[Hashable]) -> None:
        """Note each entry of a list that stands there before."""
        seen = set()
        for index, entry in enumerate(entries):
            if entry in seen:
                self.note(f"{field}[{index}]", "stands in the list twice; remove one of the two")
            seen.add(entry)

    def json(self, field: str, value: JsonValue) -> None:
        """Note what JSON can't hold: Python reads `1e400` as infinity, and deep nesting would exhaust the stack."""
        level: list[JsonValue] = [value]
        for _ in range(MAX_JSON_DEPTH):
            if any(isinstance(item, float) and not math.isfinite(item) for item in level):
                self.note(field, "holds a number that JSON can't hold; write a smaller one")
                return
            level = [inner for item in level for inner in _children(item)]
            if not level:
                return
        self.note(field, f"nests too deeply; JSON may be {MAX_JSON_DEPTH} levels deep here")


def _children(value: JsonValue) -> Iterable[JsonValue]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
