"""What people and forms send, read as the type that a mapping asks for."""

from __future__ import annotations

import math

import pytest

from leadgateway.json import JsonValue, is_equal
from leadgateway.pipeline.convert import convert
from leadgateway.pipeline.email_address import is_email_address
from leadgateway.route.snapshot import TargetType


def read(value: JsonValue, to: TargetType, region: str = "DE") -> JsonValue:
    return convert(value, to, region=region)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("66123", "66123"),
        ("", ""),
        (66123, "66123"),
        (66123.0, "66123"),
        (496819876543.0, "496819876543"),
        (-0.5, "-0.5"),
        (1e300, "1e+300"),
        (2**70, str(2**70)),
        (True, "true"),
        (False, "false"),
    ],
)
def test_a_string_is_read_from_strings_numbers_and_booleans(value: JsonValue, text: str) -> None:
    assert read(value, "string") == text


@pytest.mark.parametrize("value", [[], ["a"], {}, {"a": 1}, math.inf, math.nan])
def test_no_string_is_read_from_anything_else(value: JsonValue) -> None:
    assert read(value, "string") is None


@pytest.mark.parametrize(
    ("value", "integer"),
    [(5, 5), (5.0, 5), (-0.0, 0), ("5", 5), (" +05 ", 5), ("-5", -5), (2**70, 2**70), (str(2**70), 2**70)],
)
def test_an_integer_is_read_from_whole_numbers_and_digits(value: JsonValue, integer: int) -> None:
    result = read(value, "integer")

    assert isinstance(result, int)
    assert result == integer


@pytest.mark.parametrize(
    "value",
    [5.5, "5.0", "5,0", "1.000", "1e3", "", "five", "٣", "５", "0x10", "1_000", True, None, [5], math.inf, "9" * 309],
)
def test_no_integer_is_read_from_anything_else(value: JsonValue) -> None:
    assert read(value, "integer") is None


@pytest.mark.parametrize(
    ("value", "number"),
    [(5, 5), (5.5, 5.5), ("5", 5), (" 5.50 ", 5.5), ("-0.5", -0.5), ("1e3", 1000), ("1E-2", 0.01), (2**70, 2**70)],
)
def test_a_number_is_read_from_numbers_and_text_that_holds_one(value: JsonValue, number: float) -> None:
    assert is_equal(read(value, "number"), number)


@pytest.mark.parametrize(
    "value",
    ["", "5,5", "1.000,00", "1,000", ".5", "5.", "1e400", "nan", "inf", "٣.٣", "1_0", True, None, [], math.nan],
)
def test_no_number_is_read_from_anything_else(value: JsonValue) -> None:
    assert read(value, "number") is None


@pytest.mark.parametrize(
    "value", [True, 1, 1.0, "true", " TRUE ", "yes", "Yes", "y", "ja", "JA", "j", "on", "wahr", "1"]
)
def test_true_is_read_from_what_people_send_for_it(value: JsonValue) -> None:
    assert read(value, "boolean") is True


@pytest.mark.parametrize("value", [False, 0, -0.0, "false", "No", "n", "nein", "Nein ", "off", "falsch", "0"])
def test_false_is_read_from_what_people_send_for_it(value: JsonValue) -> None:
    assert read(value, "boolean") is False


@pytest.mark.parametrize("value", ["", "maybe", "10", "yes please", "01", 2, -1, 0.5, None, [], [True], {}, math.nan])
def test_no_boolean_is_read_from_anything_else(value: JsonValue) -> None:
    assert read(value, "boolean") is None


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("john.doe@example.com", "john.doe@example.com"),
        (" John.Doe@Example.COM\n", "john.doe@example.com"),
        ("max+solar@mail.example.co.uk", "max+solar@mail.example.co.uk"),
        ("JÜRGEN@KÄSE.example", "jürgen@käse.example"),
        ("o'neill_1@xn--kse-qla.example", "o'neill_1@xn--kse-qla.example"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_an_email_address_is_read_in_lower_case(value: JsonValue, address: str) -> None:
    assert read(value, "email") == address


@pytest.mark.parametrize(
    "value",
    [
        "",
        "john",
        "@example.com",
        "john@",
        "john@localhost",
        "john@example..com",
        "john@-example.com",
        "john@example-.com",
        "john@example.com.",
        "john doe@example.com",
        "John Doe <john@example.com>",
        "john@example.com, jane@example.com",
        "john@@example.com",
        "john@exa_mple.com",
        "mailto:john@example.com",
        "john@example.com\x00",
        "\ud800@example.com",
        "a" * 65 + "@example.com",
        "john@" + "a" * 64 + ".com",
        "john@" + "a." * 130 + "com",
        1,
        True,
        None,
        ["john@example.com"],
    ],
)
def test_no_email_address_is_read_from_anything_else(value: JsonValue) -> None:
    assert read(value, "email") is None


def test_white_space_around_is_no_part_of_an_email_address() -> None:
    assert not is_email_address(" john@example.com")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("+49 681 9876543", "+496819876543"),
        ("0681 / 98 76 543", "+496819876543"),
        ("+49 (0)681-9876543", "+496819876543"),
        ("0049 681 9876543", "+496819876543"),
        ("tel:+49-681-9876543", "+496819876543"),
        ("０６８１ ９８７６５４３", "+496819876543"),
        ("0681 9876543 ext. 12", "+496819876543"),
        ("+1 202 555 0143", "+12025550143"),
        (6819876543, "+496819876543"),
        (6819876543.0, "+496819876543"),
    ],
)
def test_a_phone_number_is_read_as_e164(value: JsonValue, number: str) -> None:
    assert read(value, "phone") == number


@pytest.mark.parametrize(
    ("region", "number"),
    [("DE", "+4915112345678"), ("GB", None), ("XX", None)],
)
def test_a_number_without_a_country_code_belongs_to_the_region(region: str, number: str | None) -> None:
    assert read("0151 12345678", "phone", region) == number


@pytest.mark.parametrize(
    "value",
    [
        "",
        "12345",
        "110",
        "+",
        "call me",
        "0681 987654321012345",
        "1" * 300,
        "+49 \x00",
        -6819876543,
        0.5,
        True,
        None,
        [],
    ],
)
def test_no_phone_number_is_read_from_anything_else(value: JsonValue) -> None:
    assert read(value, "phone") is None


@pytest.mark.parametrize("to", ["string", "phone"])
def test_nothing_is_read_from_a_number_with_more_digits_than_python_writes(to: TargetType) -> None:
    assert read(10**5000, to) is None


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2026-11-24", "2026-11-24"),
        (" 2026-11-24 ", "2026-11-24"),
        ("2026-11-24T23:59", "2026-11-24"),
        ("2026-11-24T23:59:59Z", "2026-11-24"),
        ("2026-11-24 23:59:59.123456+02:00", "2026-11-24"),
        ("2026-11-24T08:49:14+0000", "2026-11-24"),
        ("24.11.2026", "2026-11-24"),
        ("4.1.2026", "2026-01-04"),
        ("29.02.2024", "2024-02-29"),
        ("0001-01-01", "0001-01-01"),
    ],
)
def test_a_date_is_read_as_iso_8601(value: JsonValue, date: str) -> None:
    assert read(value, "date") == date


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2026-02-29",
        "2026-13-01",
        "0000-01-01",
        "2026-1-4",
        "03/04/2026",
        "24.11.26",
        "2026-11-24T",
        "2026-11-24T08:49 o'clock",
        "٢٠٢٦-١١-٢٤",
        "24. November 2026",
        "20261124",
        20261124,
        True,
        None,
        ["2026-11-24"],
    ],
)
def test_no_date_is_read_from_anything_else(value: JsonValue) -> None:
    assert read(value, "date") is None
