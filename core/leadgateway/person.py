"""Recognising one person in whatever was stored of them: an e-mail address or a phone number, however it is written.

Erasing too little would break a promise, erasing too much would lose somebody else's lead. So a value counts only as a
whole (`ann@example.com` is not in `joann@example.com`), in every field, also in the middle of a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import TypeAlias

import phonenumbers

from leadgateway.pipeline.email_address import to_email_address

# Digits with what people put between them
_RUN = re.compile(r"\+?\(?[0-9][0-9\s()/.‐-―\-]*")
_DIGITS = re.compile("[0-9]+")
_FEWEST_DIGITS = 6
"""Of a number that is looked for: shorter ones are in much that is no phone number."""
_MOST_DIGITS = len("00") + 15 + len("0")
"""Of a number as it is written: ITU-T E.164 has fifteen with the country code."""

_NO_NUMBER = "that is no phone number of six digits or more; write one like +49 681 123456"


class NoSuchPerson(ValueError):
    """What was given is no e-mail address or no phone number; the message doesn't repeat it."""


@dataclass(frozen=True)
class EmailAddress:
    """Somebody's e-mail address."""

    address: str = field(repr=False)
    """In lower case."""

    @classmethod
    def parse(cls, text: str) -> EmailAddress:
        """Read an address as a person types it. Raises NoSuchPerson."""
        address = to_email_address(unicodedata.normalize("NFC", text))
        if address is None:
            raise NoSuchPerson("that is no e-mail address; write one like ann@example.com, without a name around it")
        return cls(address)

    @property
    def literal(self) -> str:
        """ASCII that occurs, in lower case, wherever the address does: by what a database can look for it."""
        local, _, domain = self.address.rpartition("@")
        return max(re.findall(r"[a-z0-9._-]+", local) or re.findall(r"[a-z0-9._-]+", domain), key=len, default="")

    def is_in(self, text: str) -> bool:
        """Whether a text holds the address."""
        return self._pattern.search(unicodedata.normalize("NFC", text).lower()) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        local, _, domain = self.address.rpartition("@")
        # Percent-encoded too, as in the query of a URL
        return re.compile(rf"(?<![\w+])(?<!\w[.-]){re.escape(local)}(?:@|%40){re.escape(domain)}(?!\w)(?![-.]\w)")


@dataclass(frozen=True)
class PhoneNumber:
    """Somebody's phone number, found with and without country code, whatever stands between the digits."""

    country: str = field(repr=False)
    """The country code: `49`."""
    national: str = field(repr=False)
    """The national (significant) number, without a leading zero."""

    @classmethod
    def parse(cls, text: str, region: str) -> PhoneNumber:
        """Read a number as a person types it. Raises NoSuchPerson.

        Args:
            text: With or without country code.
            region: ISO 3166 region of a number without one.
        """
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            raise NoSuchPerson(_NO_NUMBER) from None
        national = phonenumbers.national_significant_number(number)
        if not phonenumbers.is_possible_number(number) or len(national) < _FEWEST_DIGITS:
            raise NoSuchPerson(_NO_NUMBER)
        return cls(str(number.country_code), national)

    @property
    def literal(self) -> str:
        """Digits that stand together wherever the number does, once everything else is left out."""
        return self.national

    def is_in(self, text: str) -> bool:
        """Whether a text holds the number."""
        return any(self._is_in_run(run.group()) for run in _RUN.finditer(text))

    def _is_in_run(self, run: str) -> bool:
        groups = _DIGITS.findall(run)
        is_international = run.startswith("+") or groups[0].startswith("00")
        if "".join(groups[:_MOST_DIGITS]) == self.national and not is_international:
            return True
        for first in range(len(groups)):
            # Behind another country's code it is another number: +43 (0)681 …
            forms = self._international if is_international and first == 1 else self._written
            if any(digits in forms for digits in accumulate(groups[first : first + _MOST_DIGITS])):
                return True
        return False

    @cached_property
    def _international(self) -> frozenset[str]:
        whole = (self.country + self.national, f"{self.country}0{self.national}")
        return frozenset({*whole, *(f"00{form}" for form in whole)})

    @cached_property
    def _written(self) -> frozenset[str]:
        return self._international | {f"0{self.national}"}


Person: TypeAlias = EmailAddress | PhoneNumber


def is_in_value(person: Person, value: bytes | str) -> bool:
    r"""Whether a person is in a value as it is stored.

    Escapes of JSON are read too, since `\u0040` is an @: as text and not by parsing, so that they are in what is no
    whole document either (an answer's first 4 KiB, a field that comes twice, JSON within a string).
    """
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    for _ in range(_ESCAPED_TIMES):
        if person.is_in(text):
            return True
        if "\\" not in text:
            return False
        text = _ESCAPE.sub(_unescaped, text)
    return person.is_in(text)


_ESCAPED_TIMES = 3
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _unescaped(escape: re.Match[str]) -> str:
    code, character = escape.groups()
    return chr(int(code, 16)) if code else _CONTROLS.get(character, character)
