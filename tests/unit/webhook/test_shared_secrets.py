"""A post is authentic when it presents one of the route's secrets, and how long the answer takes tells nothing."""

from __future__ import annotations

import hmac
from typing import Any

import pytest

from leadgateway_webhook.authentication import as_presented, is_authentic


def test_the_secret_is_authentic() -> None:
    assert is_authentic(b"s3cret", ["s3cret"])


@pytest.mark.parametrize("presented", [b"", b"s3cre", b"s3cret ", b"S3CRET", b"s3cret\x00", b"other"])
def test_anything_else_is_not(presented: bytes) -> None:
    assert not is_authentic(presented, ["s3cret"])


@pytest.mark.parametrize("presented", [b"old", b"new"])
def test_both_secrets_are_valid_while_they_are_rotated(presented: bytes) -> None:
    assert is_authentic(presented, ["old", "new"])


def test_an_empty_secret_never_matches() -> None:
    assert not is_authentic(b"", [""])


def test_without_secrets_nothing_is_authentic() -> None:
    assert not is_authentic(b"", [])


def test_secrets_beyond_ascii_are_compared_as_utf8() -> None:
    assert is_authentic("schlüssel".encode(), ["schlüssel"])


@pytest.mark.parametrize("presented", [b"first", b"second", b"neither"])
def test_every_secret_is_compared_whichever_matches(presented: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    compare = hmac.compare_digest

    def counting(left: Any, right: Any) -> bool:
        compared.append((len(left), len(right)))
        return compare(left, right)

    monkeypatch.setattr(hmac, "compare_digest", counting)

    is_authentic(presented, ["first", "second"])

    assert compared == [(32, 32), (32, 32)]


@pytest.mark.parametrize("value", [None, True, 7, 1.5, ["s3cret"], {"s3cret": 1}])
def test_a_field_that_is_no_string_presents_nothing(value: Any) -> None:
    assert as_presented(value) == b""


def test_a_field_with_a_lone_surrogate_is_wrong_and_no_error() -> None:
    assert not is_authentic(as_presented("\ud800"), ["s3cret"])
