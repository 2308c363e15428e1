"""The laws of conversion."""

from __future__ import annotations

import re
import unicodedata
from datetime import date as calendar_date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leadgateway.json import JsonValue, is_equal, is_number
from leadgateway.pipeline.convert import convert
from leadgateway.pipeline.email_address import is_email_address
from leadgateway.route.snapshot import TargetType
from tests.property.strategies import TYPES, json_values, readable, scalars, texts

every_type = pytest.mark.parametrize("to", TYPES)


def read(value: JsonValue, to: TargetType) -> JsonValue:
    return convert(value, to, region="DE")


@every_type
@given(value=json_values() | texts(40))
def test_no_crash(to: TargetType, value: JsonValue) -> None:
    """Any value is read as the type, or as nothing."""
    result = read(value, to)
    is_of_type = {
        "integer": isinstance(result, int) and not isinstance(result, bool),
        "number": is_number(result),
        "boolean": isinstance(result, bool),
    }.get(to, isinstance(result, str))

    assert result is None or is_of_type


@every_type
@given(data=st.data())
def test_idempotence(to: TargetType, data: st.DataObject) -> None:
    """Reading as a type what was read as that type changes nothing."""
    once = read(data.draw(readable(to) | scalars()), to)

    assert is_equal(read(once, to), once)


@every_type
@given(value=st.lists(scalars()) | st.dictionaries(st.text(), scalars()) | st.none())
def test_only_scalars(to: TargetType, value: JsonValue) -> None:
    """Nothing is read from lists, objects and null."""
    assert read(value, to) is None


@given(st.integers(-(10**307), 10**307))
def test_integers_from_text(number: int) -> None:
    """Each integer is read from its own digits, exactly."""
    assert read(str(number), "integer") == number == read(f" {number:+d} ", "number")


@given(st.integers(-(10**307), 10**307))
def test_text_from_integers(number: int) -> None:
    """Each integer becomes its own digits."""
    assert read(number, "string") == str(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_through_text(number: float) -> None:
    """Each number survives being written as a string."""
    assert read(read(number, "string"), "number") == number


@given(st.floats())
def test_whole_numbers(number: float) -> None:
    """A floating-point number is read as an integer if and only if it has no fraction."""
    assert (read(number, "integer") == number) == number.is_integer()


@given(st.sampled_from(["true", "yes", "ja", "on", "1", "no", "nein", "off", "0"]), st.data())
def test_case_of_booleans(word: str, data: st.DataObject) -> None:
    """Neither case nor white space decides what a boolean is."""
    written = "".join(data.draw(st.sampled_from([letter.lower(), letter.upper()])) for letter in word)

    assert read(f" {written}\n", "boolean") is read(word, "boolean") is not None


@given(readable("boolean"))
def test_booleans_through_text(value: JsonValue) -> None:
    """Each boolean survives being written as a string."""
    boolean = read(value, "boolean")

    assert read(read(boolean, "string"), "boolean") is boolean is not None


@given(st.dates())
def test_dates(date: calendar_date) -> None:
    """Each day of the calendar is read from either way to write it, with a time or without."""
    german = f"{date.day}.{date.month}.{date.year:04d}"

    assert read(german, "date") == read(date.isoformat(), "date") == read(f"{date}T23:59:59Z", "date") == str(date)


@given(st.integers(0, 9999), st.integers(0, 99), st.integers(0, 99))
def test_days_that_do_not_exist(year: int, month: int, day: int) -> None:
    """A date is read if and only if the calendar has the day."""
    text = f"{year:04d}-{month:02d}-{day:02d}"
    try:
        calendar_date(year, month, day)
    except ValueError:
        assert read(text, "date") is None
    else:
        assert read(text, "date") == text


@given(readable("phone") | st.from_regex(r"[+0-9 ()/-]{5,20}", fullmatch=True))
@example("20100000000000")
def test_phone_numbers(value: JsonValue) -> None:
    """What is read as a phone number is a plus and at most fifteen ASCII digits."""
    number = read(value, "phone")

    assert number is None or re.fullmatch(r"\+[1-9][0-9]{3,14}", str(number))


@given(st.from_regex(r"[0-9]{7}", fullmatch=True), st.lists(st.sampled_from(" -/."), min_size=7, max_size=7))
def test_punctuation_of_phone_numbers(digits: str, between: list[str]) -> None:
    """Spaces and punctuation between the digits of a phone number are of no account."""
    spread = "".join(digit + mark for digit, mark in zip(digits, between, strict=True))

    assert read(f"+49 681 {spread}", "phone") == read(f"+49681{digits}", "phone")


@given(readable("email") | texts(30))
def test_email_addresses(value: JsonValue) -> None:
    """What is read as an e-mail address is one, in lower case, and the text itself but for case and white space."""
    address = read(value, "email")

    assert address is None or (is_email_address(str(address)) and address == str(value).strip().lower())


@pytest.mark.parametrize("to", ["integer", "number", "date"])
@given(value=st.text(st.characters(categories=["Nd"], exclude_characters="0123456789"), min_size=1, max_size=8))
def test_digits_of_other_scripts(to: TargetType, value: str) -> None:
    """Digits of other scripts are no digits."""
    assert unicodedata.decimal(value[0]) in range(10)
    assert read(value, to) is None
