r"""Columns of a batch as PostgreSQL array literals.

A batch travels as one array per column and is turned into rows by `unnest`: the statement's text, and so the work of
parsing and planning it, stays the same for 1 lead and for 500. psycopg2's own `ARRAY[…]` would make every element an
expression of its own to parse; a literal is one constant. Bytes travel as hex digits and become `bytea` by `decode`,
which needs no quoting at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

import orjson

from leadgateway.json import JsonValue

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def storable(text: str) -> str:
    """The text with what PostgreSQL can't hold (NUL, lone surrogates) replaced by U+FFFD.

    For sentences and names only. What must survive byte for byte is stored as `bytea`.
    """
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def storable_json(value: Mapping[str, JsonValue]) -> str:
    """A JSON document for `jsonb`: its strings are as `storable` leaves them."""
    return json.dumps(_storable_json(value))


def text_array(values: Iterable[str | None]) -> str:
    """A `text[]` literal. Raises nothing: what text can't hold is replaced, see `storable`."""
    return "{" + ",".join("NULL" if value is None else _quoted(storable(value)) for value in values) + "}"


def hex_array(values: Iterable[bytes | None]) -> str:
    """A `text[]` literal of hex digits, for `decode(x, 'hex')`."""
    return "{" + ",".join("NULL" if value is None else value.hex() or '""' for value in values) + "}"


def number_array(values: Iterable[int | None]) -> str:
    """A literal for arrays of any integer type."""
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"


def number_arrays(values: Iterable[Iterable[int]]) -> str:
    """A `text[]` literal of literals for arrays of any integer type."""
    return "{" + ",".join('"{' + ",".join(map(str, numbers)) + '}"' for numbers in values) + "}"


def uuid_array(values: Iterable[UUID | None]) -> str:
    """A `uuid[]` literal."""
    return "{" + ",".join("NULL" if value is None else value.hex for value in values) + "}"


def interval_array(values: Iterable[timedelta | None]) -> str:
    """An `interval[]` literal, exact to the microsecond, so that no rounding makes anything early."""
    return "{" + ",".join("NULL" if value is None else _interval(value) for value in values) + "}"


def time_array(values: Iterable[datetime | None]) -> str:
    """A `timestamptz[]` literal of times that know their zone."""
    return "{" + ",".join("NULL" if value is None else f'"{value.isoformat()}"' for value in values) + "}"


def json_array(values: Iterable[Mapping[str, JsonValue] | None]) -> str:
    """A `text[]` literal of JSON documents for `jsonb`, which can hold neither NUL nor lone surrogates."""
    return text_array(None if value is None else storable_json(value) for value in values)


def verbatim_json_array(values: Iterable[Mapping[str, str] | None]) -> str:
    """A `text[]` literal of JSON documents for `json`, which keeps escapes of anything as they are."""
    return text_array(None if value is None else _verbatim_json(value) for value in values)


def _verbatim_json(value: Mapping[str, str]) -> str:
    try:
        document = orjson.dumps(dict(value))
    except TypeError:  # a lone surrogate
        return json.dumps(dict(value))
    return document.decode("utf-8")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


@lru_cache(maxsize=256)  # of a batch's leases and delays few differ
def _interval(value: timedelta) -> str:
    # Seconds, not microseconds: PostgreSQL 14 holds each field of an interval in 32 bits.
    microseconds = value // timedelta(microseconds=1)
    seconds, fraction = divmod(abs(microseconds), 1_000_000)
    return f'"{"-" if microseconds < 0 else ""}{seconds}.{fraction:06} seconds"'


def _storable_json(value: JsonValue | Mapping[str, JsonValue]) -> JsonValue:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(key): _storable_json(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_storable_json(item) for item in value]
    return value
