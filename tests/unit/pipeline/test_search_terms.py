"""What a lead can be found by."""

from __future__ import annotations

import hashlib

import pytest

from leadgateway.json import JsonValue
from leadgateway.pipeline.search_terms import (
    LONGEST_VALUE,
    MOST_VALUES,
    email_terms,
    lead_terms,
    phone_terms,
    value_term,
)


def is_found(lead: dict[str, JsonValue], path: str, text: str) -> bool:
    return value_term(path, text) in lead_terms(lead)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("66123", "66123"),
        (66123, "66123"),
        (1.0, "1"),
        (0.5, "0.5"),
        (True, "true"),
        (None, "null"),
        ("", ""),
        ("  Straße ", "STRASSE"),
        ("نور", "نور"),
    ],
)
def test_a_value_is_found_as_people_write_it(value: JsonValue, text: str) -> None:
    assert is_found({"a": {"b": value}}, "a.b", text)


@pytest.mark.parametrize(("path", "text"), [("a.b", "661"), ("a", "66123"), ("b", "66123"), ("A.b", "66123")])
def test_neither_part_of_a_value_nor_another_path_is_found(path: str, text: str) -> None:
    assert not is_found({"a": {"b": "66123"}}, path, text)


def test_elements_of_lists_are_found_at_the_path_of_the_list() -> None:
    lead: dict[str, JsonValue] = {"tags": ["roof", ["wall"]], "columns": [{"id": "ZIP", "value": "66123"}]}

    assert is_found(lead, "tags", "roof")
    assert is_found(lead, "tags", "wall")
    assert is_found(lead, "columns.value", "66123")


@pytest.mark.parametrize("path", ["email", "contact.address", "columns.value"])
def test_an_email_address_is_found_wherever_it_stands(path: str) -> None:
    lead: JsonValue = " Ann@Example.COM "
    for key in reversed(path.split(".")):
        lead = {key: [lead]}
    assert isinstance(lead, dict)

    assert email_terms("ann@example.com") <= set(lead_terms(lead))
    assert not email_terms("bob@example.com") <= set(lead_terms(lead))


@pytest.mark.parametrize("asked", ["0681 9876543", "+49 681 9876543", "0049 (681) 98765-43", "0681/9876543"])
@pytest.mark.parametrize("sent", ["06819876543", "+49 681/98765-43", "0681 / 9876543"])
def test_a_phone_number_is_found_however_it_is_written(sent: str, asked: str) -> None:
    assert phone_terms(asked) & set(lead_terms({"contact": {"tel": sent}}))


def test_a_number_that_is_no_valid_one_at_home_is_found_by_its_digits() -> None:
    assert phone_terms("01 234 567") & set(lead_terms({"phone": "(01) 234-567"}))
    assert phone_terms("4915112345678") & set(lead_terms({"phone": 4915112345678}))


@pytest.mark.parametrize("text", ["", "66123", "2026", "call me", "12345678901234567890123456789012345"])
def test_what_is_no_phone_number_is_not_looked_for(text: str) -> None:
    assert phone_terms(text) == frozenset()


def test_what_is_no_email_address_is_not_looked_for() -> None:
    assert email_terms("ann") == frozenset()


def test_a_lead_of_countless_values_has_few_terms() -> None:
    lead: dict[str, JsonValue] = {str(number): number for number in range(100_000)}

    assert len(lead_terms(lead)) == MOST_VALUES
    assert is_found(lead, "0", "0")


def test_a_long_value_has_no_term() -> None:
    assert lead_terms({"a": "x" * (LONGEST_VALUE + 1), "k" * 1000: "x"}) == []
    assert len(lead_terms({"a": "x" * LONGEST_VALUE})) == 1


def test_values_that_no_database_holds_have_terms() -> None:
    assert is_found({"a": "\x00\ud800"}, "a", "\x00\ud800")


def test_terms_fit_a_bigint_and_are_the_beginning_of_a_sha_256() -> None:
    digest = hashlib.sha256(b"value:a.b=1").digest()

    assert value_term("a.b", "1") == int.from_bytes(digest[:8], "big", signed=True)
    assert all(-(2**63) <= term < 2**63 for term in lead_terms({str(n): n for n in range(200)}))
