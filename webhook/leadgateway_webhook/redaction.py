"""What is taken out of a post before it is stored: whatever authenticates its sender.

Headers are known by name. In the body only the route's `sharedSecretField` is secret: its value is cut out of the raw
text, so that every other byte is stored as it came (spaces, escapes, order and number formats included).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

REDACTED = "[redacted]"

# Not credentials, though their names look like it.
_HARMLESS = frozenset({"idempotency-key"})
_SECRET_NAME = re.compile(r"auth|cookie|credential|jwt|key|passw|secret|session|signature|token", re.IGNORECASE)

_REDACTED_JSON = f'"{REDACTED}"'
_WHITESPACE = re.compile(r"[ \t\r\n]*")
# Only the places of values matter: numbers stay text, so that none is too long to convert.
_values = json.JSONDecoder(strict=False, parse_int=str, parse_float=str)


def redact_headers(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """The headers as they may be stored: by lower-case name, the values of those that authenticate replaced.

    Args:
        headers: Values by lower-case name.
    """
    return {
        name.decode("latin-1"): REDACTED if _is_secret(name) else value.decode("latin-1")
        for name, value in headers.items()
    }


@lru_cache(maxsize=1024)
def _is_secret(name: bytes) -> bool:
    text = name.decode("latin-1")
    return text not in _HARMLESS and _SECRET_NAME.search(text) is not None


def redact_field(body: bytes, segments: Sequence[str | int]) -> bytes:
    """Replace the value of one field by `"[redacted]"`, wherever the body has it, and nothing else.

    A key that appears twice is replaced twice: which of the two a reader takes must not matter.

    Args:
        body: A JSON document that `parse_lead` accepts.
        segments: The path to the field: keys, and indices of lists.
    """
    text = body.decode("utf-8")
    pieces, position = [], 0
    for start, end in _places(text, _skip(text, 0), segments):
        pieces += [text[position:start], _REDACTED_JSON]
        position = end
    return "".join([*pieces, text[position:]]).encode("utf-8") if pieces else body


def _places(text: str, start: int, segments: Sequence[str | int]) -> Iterator[tuple[int, int]]:
    """Where the values at a path below the value that starts at `start` begin and end."""
    if not segments:
        yield start, _end(text, start)
        return
    wanted, rest = segments[0], segments[1:]
    if text[start] == "{":
        for name, value in _members(text, start):
            if name == str(wanted):
                yield from _places(text, value, rest)
    elif text[start] == "[" and isinstance(wanted, int):
        element = _element(text, start, wanted)
        if element is not None:
            yield from _places(text, element, rest)


def _members(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Each key of the object at `start`, and where its value begins."""
    position = _skip(text, start + 1)
    while text[position] != "}":
        name, position = _values.raw_decode(text, position)
        value = _skip(text, _skip(text, position) + 1)
        yield name, value
        position = _next(text, value)


def _element(text: str, start: int, index: int) -> int | None:
    """Where an element of the list at `start` begins; None if the list is shorter."""
    position = _skip(text, start + 1)
    while index and text[position] != "]":
        index, position = index - 1, _next(text, position)
    return None if text[position] == "]" else position


def _next(text: str, value: int) -> int:
    """Where the member after the one whose value begins at `value` starts, or the closing bracket is."""
    position = _skip(text, _end(text, value))
    return _skip(text, position + 1) if text[position] == "," else position


def _end(text: str, start: int) -> int:
    end: int = _values.raw_decode(text, start)[1]
    return end


def _skip(text: str, position: int) -> int:
    match = _WHITESPACE.match(text, position)
    return match.end() if match else position
