"""A payload becomes the bytes that are sent, and nothing of it is lost."""

from __future__ import annotations

import tracemalloc

import pytest

from leadgateway.json import JsonValue
from leadgateway.pipeline.lead import parse_lead
from leadgateway.pipeline.process import encode_payload


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        ({}, b"{}"),
        ({"zip": "66123", "product": {"name": "Solaranlage"}}, b'{"zip":"66123","product":{"name":"Solaranlage"}}'),
        ({"street": "Mühlenweg"}, '{"street":"Mühlenweg"}'.encode()),
        ({"a": None, "b": True, "c": 1.5}, b'{"a":null,"b":true,"c":1.5}'),
    ],
)
def test_a_payload_is_written_as_compact_json_in_utf8(payload: dict[str, JsonValue], body: bytes) -> None:
    assert encode_payload(payload) == body


def test_a_nul_character_is_escaped() -> None:
    assert encode_payload({"name": "a\x00b"}) == b'{"name":"a\\u0000b"}'


def test_a_lone_surrogate_is_escaped_beside_text_that_is_not() -> None:
    assert encode_payload({"name": "ü\ud800"}) == '{"name":"ü\\ud800"}'.encode()


def test_a_large_integer_is_written_in_full() -> None:
    assert encode_payload({"id": 2**70}) == b'{"id":%d}' % 2**70


@pytest.mark.parametrize("text", ["\udfff", "\\ud800", '"\ud800"', "\ud800\\"])
def test_what_was_written_reads_back_the_same(text: str) -> None:
    assert parse_lead(encode_payload({"text": text, text: 2**80})) == {"text": text, text: 2**80}


def test_a_payload_takes_no_more_memory_than_it_is_long() -> None:
    tracemalloc.start()
    try:
        payloads = [encode_payload({"phone": f"+49 681 {number}"}) for number in range(100)]
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held < 100 * 1024, f"{held} bytes for {len(payloads)} payloads"
