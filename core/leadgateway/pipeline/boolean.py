"""Booleans as people and forms send them."""

from __future__ import annotations

from leadgateway.json import JsonValue, is_number

LITERALS = {"true": True, "false": False}
"""The words that mean nothing but a boolean, whichever field holds them."""

_WORDS = LITERALS | {
    **dict.fromkeys(("yes", "y", "ja", "j", "on", "wahr", "1"), True),
    **dict.fromkeys(("no", "n", "nein", "off", "falsch", "0"), False),
}


def to_boolean(value: JsonValue) -> bool | None:
    """Read a value as a boolean, or None if it isn't one.

    Booleans, the numbers 1 and 0, and in any case and with any white space around: true/false, yes/no, y/n, ja/nein,
    j/n, on/off (an HTML check box), wahr/falsch, 1/0. Only for a field that is known to be a boolean: "no" may also be
    a name, and "1" a house number.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower())
    if is_number(value) and value in (0, 1):
        return value == 1
    return None
