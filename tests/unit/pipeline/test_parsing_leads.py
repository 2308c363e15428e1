"""A body becomes a lead, or a sentence that says why not."""

from __future__ import annotations

import json
import time

import pytest

from leadgateway.json import JsonValue, is_equal
from leadgateway.pipeline.lead import MAX_DEPTH, InvalidLead, parse_lead


def refusal(body: bytes) -> InvalidLead:
    with pytest.raises(InvalidLead) as refused:
        parse_lead(body)
    return refused.value


def nested(levels: int) -> bytes:
    """An object of so many levels, the object itself included."""
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize(
    ("body", "lead"),
    [
        (b"{}", {}),
        (b' \r\n\t{ "a" : [ ] } \n', {"a": []}),
        (b'{"a": null, "b": true, "c": false}', {"a": None, "b": True, "c": False}),
        ('{"straße": "Mühlenweg 🏡"}'.encode(), {"straße": "Mühlenweg 🏡"}),
        (b'{"a": "\\ud83c\\udfe1"}', {"a": "🏡"}),
        (b'{"a": -0.5e3}', {"a": -500.0}),
        (b'{"": {"": 1}}', {"": {"": 1}}),
    ],
)
def test_json_is_read_as_it_is_meant(body: bytes, lead: JsonValue) -> None:
    assert is_equal(parse_lead(body), lead)


def test_a_nul_character_is_kept() -> None:
    assert parse_lead(b'{"name": "a\\u0000b"}') == {"name": "a\x00b"}


@pytest.mark.parametrize("body", [b'{"name": "\\ud800"}', b'{"\\udfff": "\\ud800"}'])
def test_a_lone_surrogate_is_kept(body: bytes) -> None:
    assert parse_lead(body) == json.loads(body)


def test_of_two_equal_keys_the_last_one_counts() -> None:
    assert parse_lead(b'{"zip": "1", "zip": "2"}') == {"zip": "2"}


def test_of_two_equal_keys_the_last_one_counts_on_the_slower_way_too() -> None:
    assert parse_lead(b'{"zip": "\\ud800", "zip": "2"}') == {"zip": "2"}


@pytest.mark.parametrize("number", [2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**30 + 1, -(10**308)])
def test_a_large_integer_is_read_exactly(number: int) -> None:
    assert parse_lead(b'{"id": %d}' % number) == {"id": number}


@pytest.mark.parametrize(
    "body",
    [
        b'{"n": 1e400}',
        b'{"n": -1e400}',
        b'{"n": ' + b"9" * 309 + b"}",
        b'{"n": ' + b"1" * 5000 + b"}",
        b'{"n": -' + b"1" * 100_000 + b"}",
    ],
)
def test_a_number_that_no_double_can_hold_is_refused(body: bytes) -> None:
    assert refusal(body).code == "number_too_large"


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_is_not_a_finite_number_is_refused_by_its_name(literal: bytes) -> None:
    refused = refusal(b'{"budget": ' + literal + b"}")

    assert refused.code == "not_finite"
    assert literal.decode() in refused.sentence


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"a": 1,}', "line 1, column"),
        (b"{'a': 1}", "line 1, column 2"),
        (b'{"a": 1}\n{"b": 2}', "line 2, column 1"),
        (b'{\n"a":\n  tru\n}', "line 3, column 3"),
        (b'{"a": 01}', "line 1, column"),
        (b'{"a": "\t"}', "line 1, column 8"),
        (b'{"a": "unterminated', "line 1, column 7"),
        (b'{"a" 1}', "line 1, column 6"),
        (b'{"a": "\\x"}', "line 1, column"),
        ('{"a": ٣}'.encode(), "line 1, column 7"),
        (b"{} \x00", "line 1, column 4"),
        (b"\x0b{}", "line 1, column 1"),
        (b"email=john%40example.com", "line 1, column 1"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(body: bytes, where: str) -> None:
    refused = refusal(body)

    assert refused.code == "invalid_json"
    assert where in refused.sentence


@pytest.mark.parametrize("body", [b"", b"   \n"])
def test_an_empty_body_is_called_empty(body: bytes) -> None:
    refused = refusal(body)

    assert refused.code == "invalid_json"
    assert "empty" in refused.sentence


def test_a_byte_order_mark_is_refused_by_its_name() -> None:
    refused = refusal(b"\xef\xbb\xbf{}")

    assert refused.code == "invalid_json"
    assert "byte order mark" in refused.sentence


@pytest.mark.parametrize(
    ("body", "byte"),
    [
        ('{"a": "ü"}'.encode("latin-1"), 8),
        (b'{"a": "\xed\xa0\x80"}', 8),
        ("{}".encode("utf-16"), 1),
        (b'{"a": "\xc3', 8),
    ],
)
def test_what_is_not_utf8_is_refused_with_its_place(body: bytes, byte: int) -> None:
    refused = refusal(body)

    assert refused.code == "not_utf8"
    assert f"byte {byte} " in refused.sentence


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"null", "null"),
        (b"true", "a boolean"),
        (b"12", "a number"),
        (b"1.5", "a number"),
        (b'"lead"', "a string"),
        (b"[{}]", "an array"),
    ],
)
def test_json_that_is_no_object_is_refused_by_its_kind(body: bytes, kind: str) -> None:
    refused = refusal(body)

    assert refused.code == "not_an_object"
    assert f"is {kind};" in refused.sentence


def test_a_lead_may_nest_as_deep_as_the_limit() -> None:
    assert parse_lead(nested(MAX_DEPTH))


def test_a_lead_may_nest_as_deep_as_the_limit_in_more_than_one_place() -> None:
    deepest = nested(MAX_DEPTH - 1)

    assert parse_lead(b'{"a":' + deepest + b',"b":' + deepest + b"}")


def test_a_lead_nests_at_most_64_levels() -> None:
    assert MAX_DEPTH == 64


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 1_000, 100_000])
def test_a_lead_must_not_nest_deeper(levels: int) -> None:
    assert refusal(nested(levels)).code == "too_deep"


def test_arrays_count_as_levels() -> None:
    body = b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}"

    assert refusal(body).code == "too_deep"


def test_a_lead_that_is_wide_but_not_deep_is_no_matter() -> None:
    fields = b",".join(b'{"column_id": "%d", "values": []}' % number for number in range(1000))

    assert len(str(parse_lead(b'{"user_column_data": [' + fields + b"]}"))) > 1000


@pytest.mark.parametrize("text", ["[" * 100, '\\"' + "{" * 100, "\\\\" * 3 + "[" * 100])
def test_brackets_inside_of_strings_are_no_levels(text: str) -> None:
    body = b'{"note": "%s"}' % text.encode()

    assert parse_lead(body) == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": ' + b'"\\"' * 200_000,
        b"[" * 65 + b"\\" * 400_000,
        b'{"a": "' + b'\\"' * 200_000 + b"\\",
        b"{" * 60 + b'"' * 400_000,
    ],
)
def test_a_hostile_body_takes_no_longer_than_its_length_asks_for(body: bytes) -> None:
    began = time.process_time()

    refusal(body)

    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"iban": "DE02120300000000202051" "x"}',
        b'{"iban": DE02120300000000202051}',
        b'["DE02120300000000202051"]',
        b'{"iban": DE02120300000000202051\xff}',
        b'{"iban": "DE02120300000000202051", "x": NaN}',
    ],
)
def test_no_sentence_repeats_the_contents(body: bytes) -> None:
    refused = refusal(body)

    assert "DE02" not in str(refused)
    assert "iban" not in str(refused)


def test_an_error_does_not_carry_the_body_along() -> None:
    refused = refusal(b'{"iban": }')

    assert refused.__suppress_context__
    assert refused.__cause__ is None
