"""Durations as LeadRoutes write them: one whole number and one unit.

Kubernetes' own duration format knows no days, and retention is counted in nothing else, hence a format of our own.
It is a plain pattern because the CEL function `duration()` of the API server would refuse `90d`.
"""

from __future__ import annotations

import re
from datetime import timedelta

DURATION_PATTERN = r"^(0|[1-9][0-9]{0,7})(ms|s|m|h|d)$"
"""What a duration looks like; the same pattern stands in the CRD."""

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_DURATION = re.compile(DURATION_PATTERN)


class InvalidDuration(ValueError):
    """The text is not a duration."""


def parse_duration(text: str) -> timedelta:
    """Read a duration such as `30s`, `24h` or `90d`.

    Args:
        text: A whole number and one of the units ms, s, m, h and d.

    Returns:
        The duration.

    Raises:
        InvalidDuration: `text` is anything else; the message says what to write.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise InvalidDuration(
            f"{text[:40]!r} is not a duration; write a whole number and one unit (ms, s, m, h or d), like 30s or 90d"
        )
    number, unit = match.groups()
    return int(number) * _UNITS[unit]


def format_duration(duration: timedelta) -> str:
    """Write a duration in the largest unit that holds it as a whole number.

    Args:
        duration: Not negative; anything below a millisecond is dropped.

    Returns:
        Text that `parse_duration` reads back.
    """
    for unit in ("d", "h", "m", "s"):
        if duration and not duration % _UNITS[unit]:
            return f"{duration // _UNITS[unit]}{unit}"
    return f"{duration // _UNITS['ms']}ms" if duration else "0s"
