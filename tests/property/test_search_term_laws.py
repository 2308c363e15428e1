"""What the terms of a lead are: indexes that are there already hold them, so they may never change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice

from hypothesis import example, given
from hypothesis import strategies as st

from leadgateway.json import JsonValue
from leadgateway.pipeline.search_terms import email_terms, lead_terms, phone_terms, value_term
from tests.property.strategies import Lead, leads

CONTACTS = (
    " Ann@Example.COM ",
    "ann@example",
    "müller@käse.example",
    "0681 9876543",
    "+49 (681) 98765-43",
    "0049 681 9876543",
    "01 234 567",
    "4915112345678",
    "+33 6 12 34 56 78",
    "+1 212 555 0123",
    "12345",
    "call 0681 9876543",
)


def first_64_bits(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big", signed=True)


def values(value: JsonValue, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Depth first, in the order of the body: the keys on the way, joined by dots, and the value as people write it."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from values(inner, (*path, key) if any(path) else (key,))
        case list():
            for element in value:
                yield from values(element, path)
        case str():
            yield ".".join(path), value.strip()
        case bool() | None:
            yield ".".join(path), {True: "true", False: "false", None: "null"}[value]
        case float() if value.is_integer() and abs(value) < 1e16:
            yield ".".join(path), str(int(value))
        case _:
            yield ".".join(path), repr(value)


def expected(lead: Lead) -> list[int]:
    terms = set()
    for path, text in islice(values(lead), 200):
        if len(path) <= 256 and len(text) <= 256:
            terms.add(first_64_bits(f"value:{path}={text.casefold()}"))
            terms |= email_terms(text) | phone_terms(text)
    return sorted(terms)


@example({"a": {"": {"b": 1}}, "": {"": {"c": [True, None, 1.0, 1e300, -0.0, 10**400]}}})
@given(leads() | st.dictionaries(st.text(max_size=3), st.lists(st.sampled_from(CONTACTS), max_size=120), max_size=4))
def test_terms_of_a_lead(lead: Lead) -> None:
    """Each of the first 200 values is one under its path, and each e-mail address and phone number one more."""
    assert lead_terms(lead) == expected(lead)


@given(st.text(), st.text())
def test_terms_of_a_question(path: str, text: str) -> None:
    """What is asked for is written as it is in a lead."""
    assert value_term(path, text) == first_64_bits(f"value:{path}={text.strip().casefold()}")


def test_terms_of_contacts() -> None:
    """An address in lower case; a number in E.164, if it is one, and the digits that people see of it."""
    assert email_terms(" Ann@Example.COM ") == {first_64_bits("email:ann@example.com")}
    assert phone_terms(" 0681/98765-43 ") == {first_64_bits("phone:+496819876543"), first_64_bits("phone:6819876543")}
    assert phone_terms("01 234 567") == {first_64_bits("phone:1234567")}
    assert email_terms("ann@example") == phone_terms("call 0681 9876543") == phone_terms("12345") == frozenset()
