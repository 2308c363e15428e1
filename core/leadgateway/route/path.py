"""Dot paths: how rules and mappings point into a lead (`address.zip`, `user_column_data.0.string_value`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from leadgateway.json import JsonValue

MAX_PATH_LENGTH = 256
"""Longest path in characters."""


class Missing(Enum):
    """The type of `MISSING`, so that type checkers can tell it from every JSON value, null included."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return self.value

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing.MISSING
"""There is nothing at the path (null is something)."""


class InvalidPath(ValueError):
    """The text is not a dot path."""


@dataclass(frozen=True, slots=True)
class DotPath:
    """A parsed dot path.

    A segment of digits is an index where the value is a list and a key where it is an object, so `answers.0` reads
    both `{"answers": ["yes"]}` and `{"answers": {"0": "yes"}}`. Keys may contain anything but dots.
    """

    text: str
    segments: tuple[str | int, ...] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> DotPath:
        """Parse a path.

        Args:
            text: Segments joined by dots.

        Returns:
            The path.

        Raises:
            InvalidPath: A segment is empty or the text too long; the message says what to change.
        """
        if len(text) > MAX_PATH_LENGTH:
            raise InvalidPath(f"a path has at most {MAX_PATH_LENGTH} characters, this one has {len(text)}")
        keys = text.split(".")
        if "" in keys:
            raise InvalidPath(
                f"{text!r} has an empty segment; write keys joined by single dots, for example address.zip"
            )
        return cls(text, tuple(map(_segment, keys)))

    def lookup(self, value: JsonValue) -> JsonValue | Missing:
        """Find what the path points at.

        Args:
            value: Any JSON value, usually the whole lead.

        Returns:
            The value there, or `MISSING`.
        """
        current = value
        for segment in self.segments:
            if isinstance(current, dict):
                key = str(segment)
                if key not in current:
                    return MISSING
                current = current[key]
            elif isinstance(current, list) and isinstance(segment, int) and segment < len(current):
                current = current[segment]
            else:
                return MISSING
        return current

    def __str__(self) -> str:
        return self.text


def _segment(key: str) -> str | int:
    """Only canonical indices become numbers: `007` and `٣` stay keys, and `str()` always gives the key back."""
    is_index = key.isascii() and key.isdigit() and (key == "0" or key[0] != "0") and len(key) <= 9
    return int(key) if is_index else key
