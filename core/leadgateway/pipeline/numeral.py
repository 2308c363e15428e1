"""Numbers, and text that holds one."""

from __future__ import annotations

import math
import re

from leadgateway.json import JsonValue, is_number

# As JSON writes numbers, and also with a plus and leading zeros; ASCII digits. Neither thousands separators nor decimal
# commas: 1.000 is one to some and a thousand to others, and a wrong number is worse than none.
_INTEGER = re.compile(r"[+-]?[0-9]{1,308}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,308}(?:\.[0-9]{1,308})?(?:[eE][+-]?[0-9]{1,3})?")


def to_integer(value: JsonValue) -> int | None:
    """Read a value as an integer, exactly: an integer, a float without a fraction, or text of digits; else None."""
    if is_number(value):
        return int(value) if isinstance(value, int) or value.is_integer() else None
    if isinstance(value, str) and _INTEGER.fullmatch(text := value.strip()):
        return int(text)
    return None


def to_number(value: JsonValue) -> int | float | None:
    """Read a value as a finite number: a number, or text that holds one (`1e3`, `-0.5`, `007`); else None."""
    if is_number(value):
        return value if isinstance(value, int) or math.isfinite(value) else None
    if isinstance(value, str) and _NUMBER.fullmatch(text := value.strip()):
        number = int(text) if _INTEGER.fullmatch(text) else float(text)
        return number if math.isfinite(number) else None
    return None


def to_text(number: float) -> str | None:
    """Write a number as people write it: 66123 for 66123.0, no exponent where it isn't needed; None if not finite."""
    if isinstance(number, int):
        return _digits(number)
    if not math.isfinite(number):
        return None
    return str(int(number)) if number.is_integer() and abs(number) < 1e16 else repr(number)


def _digits(number: int) -> str | None:
    try:
        return str(number)
    except ValueError:  # more digits than Python is willing to write; no lead that was parsed holds one
        return None
