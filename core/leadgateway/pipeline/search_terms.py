"""What a lead can be found by: each value of its body becomes a term, a number that stands for `path=value`.

A term is a digest, so that the index over them holds no contents, and is equally small for every value. The same
functions make the terms of a lead and those of a question, so what people look for is written as the lead's is:

- Text without white space around it and in any case (`Solar` finds ` solar`), numbers as people write them (`1.0` is
  `1`), and booleans and null as JSON writes them. Text and numbers aren't told apart: a question has no types.
- The elements of a list stand at the path of the list: `tags=roof` finds `{"tags": ["roof", "wall"]}`.
- E-mail addresses and phone numbers are found wherever they stand, at whichever path; phone numbers with or without
  their country code.
"""

from __future__ import annotations

import re
from hashlib import sha256
from struct import Struct

from leadgateway.json import JsonValue, is_number
from leadgateway.pipeline.email_address import to_email_address
from leadgateway.pipeline.numeral import to_text
from leadgateway.pipeline.phone_number import to_e164

MOST_VALUES = 200
"""Values of a lead that can be looked for: more than any form has; a hostile one must not fill the index."""

LONGEST_VALUE = 256
"""In characters. Longer text can't be looked for: nobody types it, and parts of it are not found anyway."""

LONGEST_PATH = 256
"""In characters, dots included."""

HOME_REGION = "DE"
"""Whose rules apply to a phone number without a country code, as in a mapping of type phone without a region."""

_PHONE = re.compile(r"[+(]?[0-9][0-9 ()/.\-]{4,30}[0-9]")
_PUNCTUATION = str.maketrans("", "", "+ ()/.-")
# The first 64 bits of a SHA-256, since PostgreSQL can make them too.
_BEGINNING = Struct(">q24x")


def lead_terms(lead: dict[str, JsonValue]) -> list[int]:
    """The terms of a lead, each once, in ascending order; of its first `MOST_VALUES` values."""
    values: list[tuple[str, str]] = []
    _collect(lead, "", values)
    terms: set[int] = set()
    for path, text in values[:MOST_VALUES]:
        if len(text) > LONGEST_VALUE or len(path) > LONGEST_PATH:
            continue
        terms.add(value_term(path, text))
        terms.update(email_terms(text) if "@" in text else phone_terms(text))
    return sorted(terms)


def value_term(path: str, text: str) -> int:
    """The term of a value at a path of the body.

    Args:
        path: Dots between the keys, none for the elements of a list.
        text: The value as people write it.
    """
    return _term(f"value:{path}={text.strip().casefold()}")


def email_terms(text: str) -> frozenset[int]:
    """The term of an e-mail address; none if it isn't one."""
    address = to_email_address(text)
    return frozenset() if address is None else frozenset((_term(f"email:{address}"),))


def phone_terms(text: str) -> frozenset[int]:
    """The terms of a phone number, one of which is enough to find it; none if it isn't like one.

    The number in E.164, where it is a valid one, and its digits as they are, where they are written alike.
    """
    number = text.strip()
    if not _PHONE.fullmatch(number):
        return frozenset()
    digits = _term(f"phone:{number.translate(_PUNCTUATION).lstrip('0')}")
    international = to_e164(number, HOME_REGION)
    return frozenset((digits,) if international is None else (digits, _term(f"phone:{international}")))


def _collect(value: JsonValue, path: str, values: list[tuple[str, str]]) -> None:
    """Add the values at the ends of the paths under a value, as text, until there are enough."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _collect(inner, f"{path}.{key}" if path else key, values)
            if len(values) >= MOST_VALUES:
                return
    elif isinstance(value, list):
        for element in value:
            _collect(element, path, values)
            if len(values) >= MOST_VALUES:
                return
    else:
        values.append((path, _text(value)))


def _text(value: JsonValue) -> str:
    if isinstance(value, str):
        return value.strip()
    if is_number(value):
        return to_text(value) or ""
    return "null" if value is None else str(value).lower()


def _term(text: str) -> int:
    term: int = _BEGINNING.unpack(sha256(text.encode("utf-8", "surrogatepass")).digest())[0]
    return term
