"""Read a lead from the bytes that were posted: the one parser, for the webhook and for the worker alike."""

from __future__ import annotations

import json
import math
import sys
from typing import Literal, NoReturn, cast

import orjson

from leadgateway.json import JsonValue
from leadgateway.pipeline.depth import is_deeper_than

MAX_DEPTH = 64
"""How deep a lead may nest; the lead itself is level 1. Far beyond any form, far below Python's recursion limit."""

InvalidLeadCode = Literal["not_utf8", "invalid_json", "not_finite", "number_too_large", "too_deep", "not_an_object"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LARGEST_DOUBLE = int(sys.float_info.max)
_LONGEST_INTEGER = len(str(_LARGEST_DOUBLE)) + 1  # and its sign
_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
_MANY_DIGITS = b"0" * 19


class InvalidLead(ValueError):
    """The body is no lead. The sentence says where and what to change, and repeats nothing of the contents.

    Attributes:
        code: Which kind of mistake it is, for programs; stable.
        sentence: What is wrong, for people.
    """

    def __init__(self, code: InvalidLeadCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code: InvalidLeadCode = code
        self.sentence = sentence


def parse_lead(body: bytes) -> dict[str, JsonValue]:
    r"""Parse a body into a lead.

    JSON as RFC 8259 has it, in UTF-8. `\u0000` and lone surrogates (`"\ud800"`) are legal there and are kept, integers
    are kept exactly, and of two equal keys the last one counts.

    Raises:
        InvalidLead: Not UTF-8, not JSON (NaN and Infinity are not), a number beyond what a double can hold, nested
            deeper than `MAX_DEPTH`, or not an object.
    """
    if body.startswith(_BYTE_ORDER_MARK):
        raise InvalidLead("invalid_json", "The body begins with a byte order mark; send UTF-8 without one.")
    if is_deeper_than(MAX_DEPTH, body):
        raise InvalidLead("too_deep", f"The body nests deeper than {MAX_DEPTH} levels.")
    lead = _parse(body)
    if not isinstance(lead, dict):
        raise InvalidLead("not_an_object", f"The body is {_KINDS[type(lead)]}; a lead is a JSON object.")
    return lead


_KINDS = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array"}


def _parse(body: bytes) -> JsonValue:
    # orjson turns integers beyond 64 bits into floats and refuses lone surrogates: those take the slower way.
    if _MANY_DIGITS not in body.translate(_DIGITS_AS_ZEROS):
        try:
            return cast("JsonValue", orjson.loads(body))
        except orjson.JSONDecodeError:
            pass  # the parser below accepts it, or says what is wrong with it
    return _parse_exactly(body)


def _parse_exactly(body: bytes) -> JsonValue:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidLead("not_utf8", f"The body is not UTF-8: byte {error.start + 1} can't be decoded.") from None
    if not text.strip():
        raise InvalidLead("invalid_json", "The body is empty; a lead is a JSON object.")
    try:
        parsed = json.loads(text, parse_int=_exact_integer, parse_float=_finite_float, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        # Not chained: the original holds the whole body.
        sentence = f"The body is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        raise InvalidLead("invalid_json", sentence) from None
    return cast("JsonValue", parsed)


def _exact_integer(literal: str) -> int:
    if len(literal) > _LONGEST_INTEGER or abs(value := int(literal)) > _LARGEST_DOUBLE:
        _refuse_large_number()
    return value


def _finite_float(literal: str) -> float:
    value = float(literal)
    if math.isinf(value):
        _refuse_large_number()
    return value


def _refuse_large_number() -> NoReturn:
    raise InvalidLead("number_too_large", "The body holds a number beyond 1.8e308, more than a double can hold.")


def _refuse_constant(literal: str) -> NoReturn:
    raise InvalidLead("not_finite", f"The body holds {literal}, which is no JSON; send null or leave the field out.")
