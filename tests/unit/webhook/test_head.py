"""What a post's headers may say, and what is made of them."""

from __future__ import annotations

import time
import uuid

import pytest

from leadgateway_webhook.errors import (
    BodyTooLarge,
    InvalidIdempotencyKey,
    UnsupportedContentEncoding,
    UnsupportedMediaType,
)
from leadgateway_webhook.head import (
    check_representation,
    correlation_id,
    idempotency_key,
    is_json,
    new_correlation_id,
    read_headers,
)

JSON = {b"content-type": b"application/json"}


def test_a_repeated_header_is_joined() -> None:
    assert read_headers([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]) == {b"a": b"1, 3", b"b": b"2"}


@pytest.mark.parametrize("sent", [b"550e8400-e29b-41d4-a716-446655440000", b"550E8400-E29B-41D4-A716-446655440000"])
def test_a_correlation_id_that_is_a_uuid_is_kept(sent: bytes) -> None:
    assert correlation_id({b"x-correlation-id": sent}) == uuid.UUID("550e8400-e29b-41d4-a716-446655440000")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"42",
        b"{550e8400-e29b-41d4-a716-446655440000}",
        b"urn:uuid:550e8400-e29b-41d4-a716-446655440000",
        b"550e8400e29b41d4a716446655440000",
        b"550e8400-e29b-41d4-a716-44665544000g",
        b"550e8400-e29b-41d4-a716-446655440000\n",
        b"550e8400-e29b-41d4-a716-446655440000, 550e8400-e29b-41d4-a716-446655440000",
    ],
)
def test_another_one_is_replaced_rather_than_refused(sent: bytes) -> None:
    assert correlation_id({b"x-correlation-id": sent}).version == 7


def test_new_correlation_ids_are_uuids_of_version_7_that_grow_with_time() -> None:
    before = time.time_ns() // 1_000_000

    ids = [new_correlation_id() for _ in range(100)]

    assert len(set(ids)) == 100
    assert {(one.version, one.variant) for one in ids} == {(7, uuid.RFC_4122)}
    assert all(before <= one.int >> 80 <= time.time_ns() // 1_000_000 for one in ids)


def test_without_an_idempotency_key_there_is_none() -> None:
    assert idempotency_key({}) is None


@pytest.mark.parametrize("sent", [b"a", b"8e03978e-40d5-43dd-bc93-6894a57f9324", b'"quoted"', b"~" * 255, b"a,b"])
def test_an_idempotency_key_is_taken_as_it_is(sent: bytes) -> None:
    assert idempotency_key({b"idempotency-key": sent}) == sent.decode()


@pytest.mark.parametrize("sent", [b"", b"~" * 256, b"two words", b"tab\there", b"\xfc", b"a, b", b"nul\x00", b"a\n"])
def test_a_malformed_idempotency_key_is_refused_by_the_name_of_the_header(sent: bytes) -> None:
    with pytest.raises(InvalidIdempotencyKey, match="Idempotency-Key"):
        idempotency_key({b"idempotency-key": sent})


@pytest.mark.parametrize(
    "sent",
    [
        b"application/json",
        b"Application/JSON",
        b"application/json; charset=utf-8",
        b'application/json;charset="UTF-8"',
        b"application/json ; charset=utf8 ; profile=x",
        b"application/ld+json",
        b"application/vnd.leads.v1+json",
    ],
)
def test_json_is_taken(sent: bytes) -> None:
    assert is_json(sent)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"text/plain",
        b"text/json",
        b"application/jsonp",
        b"application/x-www-form-urlencoded",
        b"application/json; charset=latin-1",
        b"application/json; charset=utf-16",
        b"application/json, application/json",
        b"application/+json",
        b"application/json\xff",
    ],
)
def test_anything_else_is_not(sent: bytes) -> None:
    assert not is_json(sent)


def test_a_post_without_content_type_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType):
        check_representation({}, 100)


def test_an_encoded_body_is_refused() -> None:
    with pytest.raises(UnsupportedContentEncoding):
        check_representation({**JSON, b"content-encoding": b"gzip"}, 100)


def test_the_identity_encoding_is_none() -> None:
    check_representation({**JSON, b"content-encoding": b"Identity"}, 100)


def test_a_body_that_says_it_is_too_large_is_refused_unread() -> None:
    check_representation({**JSON, b"content-length": b"100"}, 100)

    with pytest.raises(BodyTooLarge, match="100 bytes"):
        check_representation({**JSON, b"content-length": b"101"}, 100)
