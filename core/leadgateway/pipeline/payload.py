"""Write a payload as the bytes that are sent."""

from __future__ import annotations

import json
from collections.abc import Mapping

from leadgateway.json import JsonValue, write_compactly


def encode_payload(payload: Mapping[str, JsonValue]) -> bytes:
    r"""Write a payload as compact JSON in UTF-8, losing nothing.

    UTF-8 has no lone surrogates, so they are written as JSON escapes (`\ud800`); integers are written in full.
    """
    try:
        return write_compactly(payload)
    except TypeError:  # a lone surrogate, or an integer beyond 64 bits
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")
