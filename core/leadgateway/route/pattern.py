r"""Patterns that whole values must match.

google-re2 because its time is linear in the input: Python's `re` can be made to hang by a hostile lead. Its `\d` and
`\w` are ASCII only, so `^66\d{3}$` accepts no other digits than 0 to 9.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import re2

from leadgateway.route.surrogate import replace_surrogates

MAX_PATTERN_LENGTH = 512
"""Longest pattern in characters."""

_MEMORY = 1 << 20
"""Bytes one pattern may use, its match cache included: re2's own limit is 8 MiB, too much times thousands of routes."""


class InvalidPattern(ValueError):
    """The pattern does not compile."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern."""

    text: str
    _compiled: Any = field(compare=False, repr=False)  # google-re2 ships no types

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Compile a pattern in RE2 syntax.

        Args:
            text: The pattern; anchors are allowed and change nothing.

        Returns:
            The compiled pattern.

        Raises:
            InvalidPattern: It does not compile or is too large; the message says why.
        """
        if len(text) > MAX_PATTERN_LENGTH:
            raise InvalidPattern(f"a pattern has at most {MAX_PATTERN_LENGTH} characters, this one has {len(text)}")
        try:
            return cls(text, re2.compile(text, _options()))
        except UnicodeEncodeError:
            raise InvalidPattern("the pattern holds half a surrogate pair; write whole characters") from None
        except re2.error as error:
            raise InvalidPattern(
                f"the pattern does not compile: {_reason(error)}; use RE2 syntax (no look-around, no back-references)"
            ) from None

    def matches(self, value: object) -> bool:
        """Tell whether `value` is a string that the pattern matches as a whole; anything else never matches."""
        return isinstance(value, str) and self._compiled.fullmatch(_as_utf8(value)) is not None

    def occurs_in(self, value: str) -> bool:
        """Tell whether the pattern matches some part of `value`, as CEL's `matches` does."""
        return self._compiled.search(_as_utf8(value)) is not None


def _as_utf8(text: str) -> bytes:
    # What re2 looks at either way; of text its wrapper would count the characters as well, to tell where it matched.
    return replace_surrogates(text).encode()


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    return options


def _reason(error: re2.error) -> str:
    """re2 reports its errors as bytes."""
    reason = error.args[0] if error.args else b"unknown"
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
