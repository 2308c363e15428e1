"""JSON values as Python holds them, and what JSON says about them where Python says otherwise."""

from __future__ import annotations

from typing import TypeAlias, TypeGuard

import orjson

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a JSON number: for Python a boolean is an integer, for JSON it isn't."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_equal(left: JsonValue, right: JsonValue) -> bool:
    """Whether two values are the same JSON value.

    1 is not true, 1 is 1.0, the order of an object's keys is of no account, and integers are compared exactly,
    however large (2**53 + 1 is not 2.0**53).
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(is_equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_equal, left, right))
    return left == right


def write_compactly(value: object) -> bytes:
    """Write JSON that is kept: as `orjson.dumps` does, in as much memory as it is long.

    orjson leaves its result in the buffer that it wrote into, of 4 KiB at the least: with hundreds of payloads or
    thousands of specs that is most of what they take.

    Raises:
        orjson.JSONEncodeError: A lone surrogate, an integer beyond 64 bits, nested too deeply, or no JSON.
    """
    return bytes(memoryview(orjson.dumps(value)))
