"""Recognising a person, however the address or the number is written."""

from __future__ import annotations

import json

import pytest

from leadgateway.person import EmailAddress, NoSuchPerson, PhoneNumber, is_in_value

ANN = EmailAddress.parse(" Ann.Lee@Example.com")
PHONE = PhoneNumber.parse("0681 123456", "DE")


@pytest.mark.parametrize(
    "text",
    [
        "ann.lee@example.com",
        "ANN.LEE@EXAMPLE.COM",
        '{"email": "Ann.Lee@example.com"}',
        "mailto:ann.lee@example.com?subject=x",
        "write to <ann.lee@example.com>, please",
        "It is ann.lee@example.com.",
        "form=x&email=ann.lee%40example.com&y=1",
        "...ann.lee@example.com",
        r'{"email": "ann.lee\u0040example.com"}',
        r'{"email": "\u0041nn.lee@example.com"}',
        r'{"note": "mail:\nann.lee@example.com"}',
        r'{"inner": "{\"email\": \"ann.lee\\u0040example.com\"}"}',
        r'{"email": "ann.lee\u0040example.com", "email": "other@example.com"}',
        r'{"email": "ann.lee\u0040example.com", "cut o',
    ],
)
def test_an_address_is_found(text: str) -> None:
    assert is_in_value(ANN, text)
    assert is_in_value(ANN, text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "joann.lee@example.com",
        "jo-ann.lee@example.com",
        "jo.ann.lee@example.com",
        "jo+ann.lee@example.com",
        "ann.lee@example.com.au",
        "ann.lee@example.community",
        "ann.lee@example.com-pany.de",
        "annxlee@example.com",
        "ann.lee@sub.example.com",
        "ann.lee at example.com",
        "",
    ],
)
def test_another_address_is_not(text: str) -> None:
    assert not is_in_value(ANN, text)


def test_an_address_of_any_script_is_found() -> None:
    person = EmailAddress.parse("Müller@käse.example")

    assert is_in_value(person, "MÜLLER@KÄSE.EXAMPLE")
    assert is_in_value(person, json.dumps({"email": "müller@käse.example"}))
    assert is_in_value(person, "mu\u0308ller@ka\u0308se.example")


@pytest.mark.parametrize(
    "text",
    [
        "0681 123456",
        "0681123456",
        "0681/123456",
        "0681-12 34 56",
        "(0681) 123456",
        "+49 681 123456",
        "+49681123456",
        "0049 681 123456",
        "+49 (0)681 123456",
        "+49 (0) 681 / 12-34-56",
        "49681123456",
        "681123456",
        '{"phone": 49681123456}',
        '{"phone": "+49\\u00a0681\\u00a0123456"}',
        '{"phone": "+49\u00a0681 123456"}',
        '{"phone": "\\u0030681 123456"}',
        "call 0681 123456 after 6",
        "66123 0681 123456",
        "0681.123.456",
        "0681–123456",
        "Tel.:0681 123456",
        "+43 660 1234567 / 0681 123456",
    ],
)
def test_a_number_is_found(text: str) -> None:
    assert is_in_value(PHONE, text)
    assert is_in_value(PHONE, text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "0681 1234567",
        "10681 123456",
        "+43 681 123456",
        "+43681123456",
        "+43 (0)681 123456",
        "0043 (0)681 123456",
        "0043 681 123456",
        "1681123456",
        "6811234560",
        "0681 12345",
        "0681, 123456",
        "0681 a 123456",
        "",
    ],
)
def test_another_number_is_not(text: str) -> None:
    assert not is_in_value(PHONE, text)


@pytest.mark.parametrize("text", ["ann", "ann@", "Ann <ann@example.com>", "a@b", "", "0681 123456"])
def test_what_is_no_address_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(NoSuchPerson, match="no e-mail address") as refused:
        EmailAddress.parse(text)
    assert not text or text not in str(refused.value).replace("ann@example.com", "")


@pytest.mark.parametrize("text", ["ann@example.com", "12", "", "+", "0681 123456 123456 123456"])
def test_what_is_no_number_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(NoSuchPerson, match="no phone number"):
        PhoneNumber.parse(text, "DE")


def test_a_person_does_not_show_in_a_repr() -> None:
    assert "ann" not in repr(ANN).lower()
    assert "681" not in repr(PHONE)


@pytest.mark.parametrize("text", ["1" * 1_000_000, "1 " * 500_000, "\\u0031" * 160_000, "a@" * 500_000, "+(" * 500_000])
def test_no_text_makes_it_slow(text: str) -> None:
    assert not is_in_value(PHONE, text)
    assert not is_in_value(ANN, text)
