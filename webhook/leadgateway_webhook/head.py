"""What the head of a post says: its headers read once, checked, and in the form that the rest works with."""

from __future__ import annotations

import random
import re
import time
import uuid
from collections.abc import Iterable, Mapping
from functools import lru_cache

from leadgateway_webhook.errors import (
    BodyTooLarge,
    InvalidIdempotencyKey,
    UnsupportedContentEncoding,
    UnsupportedMediaType,
)

Headers = Mapping[bytes, bytes]
"""Values by lower-case name; those of a repeated header are joined by a comma, as RFC 9110 section 5.3 has it."""

_UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# RFC 9110 section 8.3: type/subtype, then parameters; `+json` by RFC 6839.
_JSON_TYPE = re.compile(r"application/(?:[\w!#$&^.+-]+\+)?json", re.IGNORECASE | re.ASCII)
_CHARSET_UTF8 = re.compile(r'charset="?utf-?8"?', re.IGNORECASE | re.ASCII)
# No space, which is also what joins two headers of the name.
_IDEMPOTENCY_KEY = re.compile(rb"[!-~]{1,255}")


def read_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name, from an ASGI scope's pairs (their names are lower-case already)."""
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def correlation_id(headers: Headers) -> uuid.UUID:
    """The source's X-Correlation-ID when it is a UUID in its usual form, else a new one.

    A malformed one is not worth refusing a lead for. It is no key: two posts may carry the same.
    """
    sent = headers.get(b"x-correlation-id")
    if sent is not None and _UUID.fullmatch(sent):
        return uuid.UUID(sent.decode("ascii"))
    return new_correlation_id()


def new_correlation_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562 section 5.7): it grows with time, which keeps the database's index of them small.

    Its random part is unique but no secret, so it comes from the generator that Python seeds at the start: asking the
    kernel every time took 20 µs, more than reading the headers.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | random.getrandbits(80)
    return uuid.UUID(int=value & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def idempotency_key(headers: Headers) -> str | None:
    """The source's Idempotency-Key, if it sends one.

    Raises:
        InvalidIdempotencyKey: It is empty, longer than 255 characters, holds others than visible ASCII, or came twice.
    """
    sent = headers.get(b"idempotency-key")
    if sent is None:
        return None
    if not _IDEMPOTENCY_KEY.fullmatch(sent):
        raise InvalidIdempotencyKey
    return sent.decode("ascii")


def check_representation(headers: Headers, max_body_bytes: int) -> None:
    """Refuse, before a byte of it is read, a body that is of another type, is encoded, or says that it is too large.

    Args:
        headers: The post's headers.
        max_body_bytes: The most that is taken. A body without Content-Length is measured while it arrives.

    Raises:
        BodyTooLarge: By its Content-Length.
        UnsupportedContentEncoding: It is compressed or otherwise encoded.
        UnsupportedMediaType: It is not JSON in UTF-8.
    """
    length = headers.get(b"content-length")
    if length is not None and int(length) > max_body_bytes:
        raise BodyTooLarge(max_body_bytes)
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise UnsupportedContentEncoding
    if not is_json(headers.get(b"content-type", b"")):
        raise UnsupportedMediaType


@lru_cache(maxsize=256)
def is_json(content_type: bytes) -> bool:
    """Whether a Content-Type is `application/json` or `application/…+json`, in UTF-8 as RFC 8259 demands."""
    media_type, *parameters = content_type.decode("latin-1").split(";")
    charsets = [text for text in map(str.strip, parameters) if text.lower().startswith("charset=")]
    return bool(_JSON_TYPE.fullmatch(media_type.strip())) and all(map(_CHARSET_UTF8.fullmatch, charsets))
