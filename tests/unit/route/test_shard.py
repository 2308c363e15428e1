"""The published form of routes: the same configuration is the same bytes, and nothing secret is in the public part."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from leadgateway.route.shard import (
    FINGERPRINT_KEY,
    MANIFEST,
    InvalidEntry,
    Manifest,
    MissingCredentials,
    UnusableCredentials,
    config_hash,
    file_name,
    fingerprint,
    has_credentials,
    key_of,
    read_credentials,
    read_entry,
    read_manifest,
    resolve_credentials,
    shard_of,
    write_credentials,
)
from leadgateway.route.snapshot import Credentials
from tests.building.routes import RouteToPublish, a_spec, compiled, rendered

SECRETS = Credentials(("s3cret", "next"), "t0ken", {"X-Key": "k3y"})


def test_a_route_is_always_in_the_same_shard() -> None:
    assert [shard_of(f"default/route-{number}", 8) for number in range(6)] == [0, 1, 1, 4, 4, 7]


def test_routes_spread_over_all_shards() -> None:
    counts = [0] * 16
    for number in range(1600):
        counts[shard_of(f"sales/route-{number}", 16)] += 1

    assert min(counts) > 60


@pytest.mark.parametrize(("namespace", "name"), [("default", "solar"), ("sales", "solar.v2"), ("a", "b.c.d")])
def test_a_file_name_tells_the_route(namespace: str, name: str) -> None:
    assert key_of(file_name(namespace, name)) == f"{namespace}/{name}"


def test_every_shard_is_rendered_even_an_empty_one() -> None:
    shards = rendered([RouteToPublish("solar")], count=4)

    assert [read_manifest(shard.routes[MANIFEST]) for shard in shards] == [
        Manifest(index, 4, int(index == shard_of("default/solar", 4))) for index in range(4)
    ]
    assert all(FINGERPRINT_KEY in shard.credentials for shard in shards)


def test_rendering_does_not_depend_on_the_order() -> None:
    routes = [RouteToPublish(f"route-{number}", credentials=SECRETS) for number in range(20)]

    assert rendered(routes) == rendered(reversed(routes))


def test_nothing_secret_is_in_the_public_part() -> None:
    (shard,) = rendered([RouteToPublish("solar", credentials=SECRETS)], count=1)
    public = b"".join(shard.routes.values()) + repr(shard).encode()

    for value in ("s3cret", "next", "t0ken", "k3y"):
        assert value.encode() not in public
        assert hashlib.sha256(value.encode()).hexdigest().encode() not in public
        assert value.encode() in shard.credentials["default.solar.json"]


def test_a_route_without_credentials_has_no_file_of_them() -> None:
    (shard,) = rendered([RouteToPublish("solar")], count=1)

    assert set(shard.credentials) == {FINGERPRINT_KEY}
    assert read_entry(shard.routes["default.solar.json"]).fingerprint is None
    assert not has_credentials(Credentials())


@pytest.mark.parametrize(
    "changed",
    [
        RouteToPublish("solar", a_spec(paused=True), SECRETS),
        RouteToPublish("solar", a_spec(), Credentials(("s3cret", "next"), "t0ken", {"X-Key": "other"})),
        RouteToPublish("solar", a_spec(), Credentials(("s3cret",), "t0ken", {"X-Key": "k3y"})),
        RouteToPublish("roof", a_spec(), SECRETS),
    ],
)
def test_the_hash_tells_any_change(changed: RouteToPublish) -> None:
    hashes = [
        read_entry(data).config_hash
        for route in (RouteToPublish("solar", a_spec(), SECRETS), changed)
        for name, data in rendered([route], count=1)[0].routes.items()
        if name != MANIFEST
    ]

    assert hashes[0] != hashes[1]
    assert all(len(each) == 16 for each in hashes)


def test_the_hash_is_the_same_in_every_release_and_for_every_order_of_keys() -> None:
    assert config_hash("default", "solar", {"b": 1, "a": "ü"}, None) == "b3a52c0c459f90a6"
    assert config_hash("default", "solar", {"a": "ü", "b": 1}, None) == "b3a52c0c459f90a6"


def test_a_fingerprint_needs_the_key() -> None:
    file = write_credentials(SECRETS)

    assert fingerprint(file, b"one") == fingerprint(file, b"one") != fingerprint(file, b"two")


def test_credentials_come_back_as_they_were_written() -> None:
    assert read_credentials(write_credentials(SECRETS)) == SECRETS
    assert read_credentials(write_credentials(Credentials())) == Credentials()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"sharedSecrets": 1, "token": null, "headers": {}}',
        b'{"sharedSecrets": [1], "token": null, "headers": {}}',
        b'{"sharedSecrets": [], "token": 1, "headers": {}}',
        b'{"sharedSecrets": [], "token": null, "headers": []}',
        b'{"sharedSecrets": [], "token": null, "headers": {"a": null}}',
    ],
)
def test_credentials_that_are_none_are_refused_without_showing_them(data: bytes) -> None:
    with pytest.raises(InvalidEntry, match="can't be read"):
        read_credentials(data)


def entry(**changes: Any) -> bytes:
    return json.dumps({"namespace": "a", "name": "b", "configHash": "c", "spec": {}} | changes).encode()


def test_an_entry_may_leave_out_its_fingerprint() -> None:
    assert read_entry(entry()).fingerprint is None
    assert read_entry(entry(credentials="f")).fingerprint == "f"


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"9" * 5000, entry(credentials=1), entry(spec=[]), entry(name=None)],
)
def test_an_entry_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidEntry):
        read_entry(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[1]",
        b"[" * 100_000,
        b'{"shard": 2, "of": 2, "routes": 0}',
        b'{"shard": -1, "of": 2, "routes": 0}',
        b'{"shard": "0", "of": 2, "routes": 0}',
    ],
)
def test_a_manifest_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidEntry):
        read_manifest(data)


# --- looking credentials up

REFERENCE = {"name": "solar", "key": "token"}
ROUTE = compiled(
    a_spec(
        source={"sharedSecrets": [{"name": "solar", "key": "new"}, {"name": "solar", "key": "old"}]},
        endpoint={
            "url": "https://customer.example/",
            "token": REFERENCE,
            "headers": [{"name": "X-A", "value": "a"}, {"name": "X-Key", "secretKeyRef": {"name": "keys", "key": "k"}}],
        },
    )
)
VALUES = {("default", "solar"): {"token": "t", "new": "n", "old": "o"}, ("default", "keys"): {"k": "v"}}


def test_credentials_are_looked_up_by_reference() -> None:
    assert resolve_credentials(ROUTE, VALUES) == Credentials(("n", "o"), "t", {"X-Key": "v"})
    assert resolve_credentials(compiled(a_spec()), {}) == Credentials()


@pytest.mark.parametrize(
    "secrets",
    [
        {},
        VALUES | {("default", "solar"): {"new": "n", "old": "o"}},
        {("other", name): values for (_, name), values in VALUES.items()},
    ],
)
def test_a_missing_credential_is_named(secrets: dict[tuple[str, str], dict[str, str]]) -> None:
    with pytest.raises(MissingCredentials, match=r"no key \w+ in a Secret solar"):
        resolve_credentials(ROUTE, secrets)


@pytest.mark.parametrize("value", ["", " ", "secret\n", " secret", "two\nlines", "schlüssel", "\x00"])
def test_a_value_that_no_header_can_carry_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(UnusableCredentials, match="nothing that an HTTP header can carry in key k") as refused:
        resolve_credentials(ROUTE, VALUES | {("default", "keys"): {"k": value}})

    assert value.strip() == "" or value.strip() not in str(refused.value)
