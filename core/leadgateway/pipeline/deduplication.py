"""Recognise the lead that was already there."""

from __future__ import annotations

import hashlib
import json

from leadgateway.json import JsonValue
from leadgateway.pipeline.boolean_fields import boolean_fields
from leadgateway.pipeline.normalise import normalise
from leadgateway.pipeline.presence import find
from leadgateway.route.snapshot import RouteSnapshot


def deduplication_key(lead: dict[str, JsonValue], route: RouteSnapshot) -> bytes | None:
    """Digest the normalised values at the route's deduplication fields: 32 bytes, equal for what is one lead.

    The names of the fields are part of it, so that a route whose fields change starts afresh; the route is not, since
    keys are stored per route.

    Returns:
        None if the route does not deduplicate, or if the lead lacks a value (absent, null, blank) at one of the fields:
        such a lead is never a duplicate.
    """
    deduplication = route.intake.deduplication
    if deduplication is None:
        return None
    normalised = normalise(lead, boolean_fields(route))
    values: list[JsonValue] = []
    for path in deduplication.paths:
        value = find(normalised, path)
        if value is None:
            return None
        values.append(path.text)
        values.append(_canonical(value))
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).digest()


def _canonical(value: JsonValue) -> JsonValue:
    """Write equal numbers alike: 1.0 as 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_canonical(element) for element in value]
    if isinstance(value, dict):
        return {key: _canonical(element) for key, element in value.items()}
    return value
