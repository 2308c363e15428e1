"""Specs as compact JSON, safe to handle however deeply they nest.

Whoever may write a LeadRoute may nest its free JSON (`tests[].lead`, `equals`, …) thousands of levels deep; the API
server takes up to ten thousand. That must end as a condition of this LeadRoute, never as the end of the operator.
"""

from __future__ import annotations

from typing import Any

import orjson

from leadgateway.json import write_compactly

MAX_DEPTH = 200
"""Levels of JSON in a spec; a lead has at most 64, and no recursive reader fails at this."""


def write_spec(value: object) -> bytes:
    """Write JSON compactly; empty where it nests so deeply that the writer gives up."""
    try:
        return write_compactly(value)
    except orjson.JSONEncodeError:
        return b""


def read_spec(text: bytes) -> Any | None:
    """Read JSON; None where it is empty or nests deeper than `MAX_DEPTH`."""
    value = orjson.loads(text) if text else None
    return None if value is None or _is_too_deep(value) else value


def _is_too_deep(value: object) -> bool:
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return False
    return True


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
