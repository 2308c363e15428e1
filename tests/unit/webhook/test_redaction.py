"""What authenticates a source is not stored; everything else is, byte for byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadgateway.pipeline.lead import parse_lead
from leadgateway.route.path import DotPath
from leadgateway_webhook.redaction import REDACTED, redact_field, redact_headers


@pytest.mark.parametrize(
    "name",
    [
        b"authorization",
        b"proxy-authorization",
        b"x-shared-secret",
        b"cookie",
        b"x-api-key",
        b"apikey",
        b"x-auth-token",
        b"ocp-apim-subscription-key",
        b"x-hub-signature-256",
        b"x-amz-security-token",
        b"x-csrf-token",
        b"x-password",
        b"x-session-id",
        b"x-jwt-assertion",
    ],
)
def test_a_header_that_authenticates_is_redacted(name: bytes) -> None:
    assert redact_headers({name: b"hidden"}) == {name.decode(): REDACTED}


@pytest.mark.parametrize(
    "name", [b"content-type", b"user-agent", b"x-correlation-id", b"idempotency-key", b"x-forwarded-for", b"host"]
)
def test_other_headers_are_kept(name: bytes) -> None:
    assert redact_headers({name: b"value"}) == {name.decode(): "value"}


def test_bytes_beyond_ascii_in_a_header_are_kept() -> None:
    assert redact_headers({b"x-name": b"J\xf6rg"}) == {"x-name": "Jörg"}


@pytest.mark.parametrize(
    ("path", "body", "stored"),
    [
        ("google_key", b'{"google_key":"s","a":1}', b'{"google_key":"[redacted]","a":1}'),
        ("key", b'{ "a" : [ 1 , 2.50 ] ,\r\n\t"key" : "s" }', b'{ "a" : [ 1 , 2.50 ] ,\r\n\t"key" : "[redacted]" }'),
        ("key", b'{"key":"a\\"}\\u0000\\ud800{","x":"key"}', b'{"key":"[redacted]","x":"key"}'),
        ("key", b'{"\\u006bey":"s"}', b'{"\\u006bey":"[redacted]"}'),
        ("key", b'{"key":"first","key":"second"}', b'{"key":"[redacted]","key":"[redacted]"}'),
        ("key", b'{"key":{"nested":["s"]},"b":2}', b'{"key":"[redacted]","b":2}'),
        ("key", b'{"key":12345678901234567890123,"b":1e5}', b'{"key":"[redacted]","b":1e5}'),
        ("a.key", b'{"key":"kept","a":{"x":[1],"key":"s"}}', b'{"key":"kept","a":{"x":[1],"key":"[redacted]"}}'),
        ("list.1.k", b'{"list":[{"k":"kept"},{"k":"s"}]}', b'{"list":[{"k":"kept"},{"k":"[redacted]"}]}'),
        ("list.01", b'{"list":[1,2]}', b'{"list":[1,2]}'),
        ("list.9", b'{"list":[1,2]}', b'{"list":[1,2]}'),
        ("list.0", b'{"list":[]}', b'{"list":[]}'),
        ("list.0", b'{"list":[ "s" , 2 ]}', b'{"list":[ "[redacted]" , 2 ]}'),
        ("list.1", b'{"list":{"1":"s"}}', b'{"list":{"1":"[redacted]"}}'),
        ("key", '{"key":"s","name":"Jörg 😀"}'.encode(), '{"key":"[redacted]","name":"Jörg 😀"}'.encode()),
    ],
)  # fmt: skip
def test_only_the_value_of_the_secret_field_is_replaced(path: str, body: bytes, stored: bytes) -> None:
    assert redact_field(body, DotPath.parse(path).segments) == stored


@pytest.mark.parametrize("body", [b"{}", b'{"other":"key"}', b'{"a":{"key":1}}', b'{"key2":1}'])
def test_a_body_without_the_field_is_stored_as_it_came(body: bytes) -> None:
    assert redact_field(body, ("key",)) is body


def test_a_number_too_long_to_convert_does_not_stand_in_the_way() -> None:
    body = b'{"n":' + b"9" * 5000 + b',"key":"s"}'

    assert redact_field(body, ("key",)) == body.replace(b'"s"', b'"[redacted]"')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(
    lead=st.dictionaries(st.text(max_size=3), JSON, max_size=5),
    secret=JSON,
    indent=st.sampled_from([None, 2]),
    ascii_only=st.booleans(),
)
def test_redacting_is_replacing_the_value_and_nothing_else(
    lead: dict[str, object], secret: object, indent: int | None, ascii_only: bool
) -> None:
    """For any lead and any secret: the stored body reads as the lead with that one value replaced."""
    text = json.dumps({**lead, "s€cret": secret}, indent=indent, ensure_ascii=ascii_only)
    body = text.encode("utf-8", "surrogatepass")

    try:
        stored = redact_field(body, ("s€cret",))
    except UnicodeDecodeError:
        return  # a lone surrogate that is not escaped is no UTF-8, and refused before
    assert parse_lead(stored) == {**parse_lead(body), "s€cret": REDACTED}
    before, after = stored.split(b'"[redacted]"')
    assert body.startswith(before)
    assert body.endswith(after)
