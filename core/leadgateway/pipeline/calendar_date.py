"""Dates of the calendar."""

from __future__ import annotations

import re
from datetime import date

_TIME = r"[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_ISO = re.compile(rf"([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}})(?:{_TIME})?")
_GERMAN = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")


def to_iso_date(text: str) -> str | None:
    """Write a date as ISO 8601 has it (`2026-11-24`), or None if the text isn't a date of the calendar.

    Read are ISO dates, ISO dates with a time (the date as written; the time is dropped), and day.month.year.
    Dates with slashes are not: 03/04/2026 is March in one country and April in another.
    """
    text = text.strip()
    if match := _ISO.fullmatch(text):
        year, month, day = map(int, match.groups())
    elif match := _GERMAN.fullmatch(text):
        day, month, year = map(int, match.groups())
    else:
        return None
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
