"""Phone numbers in the one form that every system understands."""

from __future__ import annotations

import phonenumbers

_LONGEST = len("+") + 15
"""ITU-T E.164 allows fifteen digits, the country code included; the library's German ranges go beyond."""


def to_e164(text: str, region: str) -> str | None:
    """Write a phone number in E.164 (`+496819876543`), or None if the text isn't one.

    Judged by the `phonenumbers` library: the number must be *valid*, that is of a range that its country has assigned,
    not merely long enough (12345 would be). An extension is dropped, since E.164 has none.

    Args:
        text: The number as sent, with or without spaces, slashes and country code.
        region: The ISO 3166 region whose rules apply to a number without a country code.
    """
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return written if len(written) <= _LONGEST else None
