"""Phone numbers as nearly all of them are written, read with the library's data and without its parser.

`phonenumbers.parse` looks for extensions, letters, RFC 3966 parameters and the digits of every script, and then for
the kind of line: 20 µs, half of what it takes to make a lead findable. What is written in ASCII digits, with its
country code or with the zero that most countries dial first, and is a number of a fixed or a mobile line, takes 2 µs
here. Everything else is left to the library, which says the same (see the laws of phone numbers in the tests).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, PhoneMetadata, PhoneNumberDesc

_PLAIN = re.compile(r"[+(]?[0-9][0-9 ()/.\-]{4,30}")
_PUNCTUATION = str.maketrans("", "", "+ ()/.-")
_MOST_DIGITS = 15  # ITU-T E.164, the country code included
_LONGEST_COUNTRY_CODE = 3
_TRUNK_PREFIX = "0"
_NOTHING = r"(?!)"


@dataclass(frozen=True, slots=True)
class _Lines:
    """One kind of lines: how many digits their numbers have (empty: as many as they like), and which."""

    lengths: frozenset[int]
    numbers: re.Pattern[str]

    def include(self, number: str) -> bool:
        return (not self.lengths or len(number) in self.lengths) and self.numbers.fullmatch(number) is not None


@dataclass(frozen=True, slots=True)
class _Plan:
    """The numbers of a country that shares its country code with no other."""

    country_code: str
    abroad: re.Pattern[str]
    trunk: re.Pattern[str]
    dials_zero: bool
    all_lines: _Lines
    common_lines: tuple[_Lines, ...]

    def assigns(self, number: str) -> bool:
        """Whether a number, without any prefix, is one of a fixed or mobile line."""
        return self.all_lines.include(number) and any(lines.include(number) for lines in self.common_lines)


def plain_e164(text: str, region: str) -> str | None:
    """Write a valid phone number in E.164; None if this takes the library to do or to refuse.

    Args:
        text: The number as sent.
        region: The ISO 3166 region whose rules apply to a number without a country code.
    """
    if not _PLAIN.fullmatch(text):
        return None
    digits = text.translate(_PUNCTUATION)
    if text[0] == "+":
        plan = _plan_of_country_code(digits[:_LONGEST_COUNTRY_CODE])
        if plan is None or plan.trunk.match(number := digits[len(plan.country_code) :]):
            return None
    else:
        plan = _plan_of_region(region)
        if plan is None or not plan.dials_zero or digits[0] != _TRUNK_PREFIX or plan.abroad.match(digits):
            return None
        number = digits[len(_TRUNK_PREFIX) :]
    # A zero that belongs to the number, as in Italy, is kept apart by the library.
    if number.startswith("0") or len(plan.country_code) + len(number) > _MOST_DIGITS or not plan.assigns(number):
        return None
    return f"+{plan.country_code}{number}"


@cache
def _plan_of_country_code(first_digits: str) -> _Plan | None:
    if first_digits.startswith("0"):
        return None
    for length in range(1, _LONGEST_COUNTRY_CODE + 1):
        regions = COUNTRY_CODE_TO_REGION_CODE.get(int(first_digits[:length]), ())
        if regions:
            return _plan_of_region(regions[0])
    return None


@cache
def _plan_of_region(region: str) -> _Plan | None:
    metadata = PhoneMetadata.metadata_for_region(region, None) if region in SUPPORTED_REGIONS else None
    if metadata is None or metadata.country_code is None or metadata.general_desc is None:
        return None
    if len(COUNTRY_CODE_TO_REGION_CODE[metadata.country_code]) > 1:
        return None
    trunk = metadata.national_prefix_for_parsing
    return _Plan(
        country_code=str(metadata.country_code),
        abroad=re.compile(metadata.international_prefix or _NOTHING),
        trunk=re.compile(trunk or _NOTHING),
        dials_zero=trunk == _TRUNK_PREFIX and not metadata.national_prefix_transform_rule,
        all_lines=_lines(metadata.general_desc),
        common_lines=tuple(_lines(kind) for kind in (metadata.mobile, metadata.fixed_line) if kind is not None),
    )


def _lines(described: PhoneNumberDesc) -> _Lines:
    return _Lines(frozenset(described.possible_length), re.compile(described.national_number_pattern or _NOTHING))
