"""Whether a post carries one of the route's shared secrets."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from leadgateway.json import JsonValue


def is_authentic(presented: bytes, secrets: Iterable[str]) -> bool:
    """Compare what a source presents with every secret of the route, in a time that tells nothing about them.

    Digests are compared, since a comparison of unequal lengths ends early; and all of them, since an early success
    would tell which of two secrets is meant.

    Args:
        presented: The header's or the field's value.
        secrets: The valid secrets (two while they are rotated). An empty one never matches.
    """
    digest = hashlib.sha256(presented).digest()
    matches = [
        hmac.compare_digest(digest, hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()) and bool(secret)
        for secret in secrets
    ]
    return any(matches)


def as_presented(value: JsonValue | object) -> bytes:
    """The bytes to compare for a value found in the body; anything but a string presents nothing."""
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else b""
