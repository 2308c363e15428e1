"""Phone numbers are what the `phonenumbers` library says they are, however they are read."""

from __future__ import annotations

from functools import cache

import phonenumbers
from hypothesis import given, settings
from hypothesis import strategies as st

from leadgateway.pipeline.numbering_plan import plain_e164
from leadgateway.pipeline.phone_number import to_e164

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
KINDS = (
    phonenumbers.PhoneNumberType.FIXED_LINE,
    phonenumbers.PhoneNumberType.MOBILE,
    phonenumbers.PhoneNumberType.TOLL_FREE,
    phonenumbers.PhoneNumberType.VOIP,
)
WRITTEN = (
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.NATIONAL,
)


def said_by_the_library(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return written if len(written) <= len("+") + 15 else None


@cache
def real_numbers(region: str) -> tuple[str, ...]:
    examples = [phonenumbers.example_number_for_type(region, kind) for kind in KINDS]
    return tuple(phonenumbers.format_number(number, form) for number in examples if number for form in WRITTEN)


@st.composite
def misdialled(draw: st.DrawFn) -> tuple[str, str]:
    """A region and a real number of it with a few of its characters changed, added or taken away."""
    region = draw(st.sampled_from(REGIONS))
    text = list(draw(st.sampled_from(real_numbers(region))))
    for _ in range(draw(st.integers(0, 4))):
        where = draw(st.integers(0, len(text)))
        text[where : where + draw(st.integers(0, 2))] = draw(st.text("0123456789+ ()/.-", max_size=2))
    return region, "".join(text)


@settings(max_examples=20 * settings().max_examples)
@given(misdialled())
def test_numbers_of_every_region(dialled: tuple[str, str]) -> None:
    """A number, right or wrong, is to us what it is to the library, whether at home or seen from Germany."""
    region, text = dialled

    assert to_e164(text, region) == said_by_the_library(text, region)
    assert to_e164(text, "DE") == said_by_the_library(text, "DE")


@given(
    text=st.from_regex(r"[+(]?[0-9][0-9 ()/.\-]{0,20}", fullmatch=True), region=st.sampled_from([*REGIONS, "de", "XX"])
)
def test_any_digits(text: str, region: str) -> None:
    """Whatever is written like a number is to us what it is to the library, in regions that there aren't too."""
    assert to_e164(text, region) == said_by_the_library(text, region)


@given(number=st.integers(0, 9_999_999), mobile=st.integers(0, 99_999_999))
def test_common_numbers_are_read_without_the_library(number: int, mobile: int) -> None:
    """Numbers of fixed and mobile lines, with the country code or the zero before the area code."""
    assert plain_e164(f"+49 681 {number:07}", "US") == plain_e164(f"0681/{number:07}", "DE") == f"+49681{number:07}"
    assert plain_e164(f"+49151{mobile:08}", "DE") == plain_e164(f"(0151) {mobile:08}", "DE") == f"+49151{mobile:08}"
