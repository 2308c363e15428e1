"""The laws of reading a body and of writing a payload."""

from __future__ import annotations

import contextlib
import json
import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from leadgateway.json import JsonValue, is_equal
from leadgateway.pipeline.depth import is_deeper_than
from leadgateway.pipeline.lead import MAX_DEPTH, InvalidLead, parse_lead
from leadgateway.pipeline.process import encode_payload
from tests.building.nesting import deepest_nesting
from tests.property.strategies import Lead, json_values, leads

MARK = "Zxq-DE02120300000000202051"


def written(value: JsonValue) -> bytes:
    return json.dumps(value).encode()


def code_of(body: bytes) -> str | None:
    try:
        parse_lead(body)
    except InvalidLead as invalid:
        return invalid.code
    return None


@st.composite
def damaged_bodies(draw: st.DrawFn) -> bytes:
    """A lead's JSON with a few bytes replaced, removed or inserted."""
    body = bytearray(written(draw(leads())))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(body)))
        end = start + draw(st.integers(0, 2))
        body[start:end] = draw(
            st.sampled_from([b"", b",", b"}", b'"', b"\\", b"\xff", b"\x00", b"NaN", b"1e999", b"[" * 70])
        )
    return bytes(body)


@given(leads())
def test_reading_what_was_written(lead: Lead) -> None:
    """Each lead that is written as JSON is read as it was."""
    assert parse_lead(written(lead)) == lead


@given(st.binary(max_size=60) | damaged_bodies())
@example(b"\xef\xbb\xbf{}")
@example(b"[" * 100_000)
def test_no_crash(body: bytes) -> None:
    """Any bytes are either a lead or refused."""
    with contextlib.suppress(InvalidLead):
        assert isinstance(parse_lead(body), dict)


@given(damaged_bodies())
def test_agreement(body: bytes) -> None:
    """What is accepted is JSON to Python's own parser too, and means the same."""
    with contextlib.suppress(InvalidLead):
        assert is_equal(parse_lead(body), json.loads(body))


@given(damaged_bodies())
def test_strictness(body: bytes) -> None:
    """What is refused as invalid is invalid to Python's own parser too."""
    assume(code_of(body) == "invalid_json")
    try:
        json.loads(body.decode())
    except ValueError:
        return
    raise AssertionError(body)


@given(st.integers(1, 200), st.lists(st.sampled_from("[{"), min_size=200, max_size=200))
def test_depth(depth: int, kinds: list[str]) -> None:
    """A lead is refused as too deep if and only if it nests deeper than the limit."""
    inner: JsonValue = 1
    for kind in kinds[: depth - 1]:
        inner = [inner] if kind == "[" else {"a": inner}

    assert (code_of(written({"a": inner})) == "too_deep") == (depth > MAX_DEPTH)


@given(st.integers(0, 4), st.lists(st.sampled_from([*'[]{}",:\\', "[[[[", "]]", "a", "é"]), max_size=60))
def test_nesting(levels: int, pieces: list[str]) -> None:
    """Any bytes, JSON or not, nest as deep as a count byte by byte says."""
    body = "".join(pieces).encode()

    assert is_deeper_than(levels, body) == (deepest_nesting(body) > levels)


@given(leads(), st.text(" \t\r\n", max_size=5), st.text(" \t\r\n", max_size=5))
def test_white_space(lead: Lead, before: str, after: str) -> None:
    """White space around a lead is of no account."""
    assert parse_lead(before.encode() + written(lead) + after.encode()) == lead


@given(json_values())
def test_only_objects(value: JsonValue) -> None:
    """Valid JSON is refused if and only if it is no object."""
    assert (code_of(written(value)) == "not_an_object") == (not isinstance(value, dict))


@given(st.integers(-(10**308), 10**308))
def test_integers(number: int) -> None:
    """Each integer that a double could hold approximately is read exactly."""
    assert parse_lead(b'{"n":%d}' % number) == {"n": number}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats(number: float) -> None:
    """Each floating-point number is read exactly."""
    assert parse_lead(f'{{"n":{number!r}}}'.encode()) == {"n": number}


@given(leads(), st.data())
def test_truncation(lead: Lead, data: st.DataObject) -> None:
    """No lead is read from a body that was cut off."""
    body = written(lead)

    assert code_of(body[: data.draw(st.integers(0, len(body) - 1))]) is not None


@given(st.text(string.printable, max_size=20), st.text(string.printable, max_size=20))
def test_discretion(before: str, after: str) -> None:
    """No refusal repeats what the body holds."""
    with pytest.raises(InvalidLead) as refused:
        parse_lead(f"{before}{MARK}{after}".encode())

    assert MARK not in f"{refused.value}{refused.value.sentence}"


@given(leads())
def test_sending(payload: Lead) -> None:
    """What was encoded reads back the same."""
    assert parse_lead(encode_payload(payload)) == payload


@given(leads())
def test_encoding(payload: Lead) -> None:
    """A payload is always valid UTF-8, on one line."""
    assert "\n" not in encode_payload(payload).decode()
