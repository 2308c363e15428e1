"""Whatever a published file holds, loading it gives a route, a wait or a reason, and never raises."""

from __future__ import annotations

import json
from typing import Any

import pytest

from leadgateway.route.loading import Compiled, Faulty, Waiting, compile_entry, join_credentials
from leadgateway.route.mounted import CredentialsFile
from leadgateway.route.shard import fingerprint, write_credentials
from leadgateway.route.snapshot import Credentials, RouteSnapshot
from tests.building.routes import a_spec

KEY = b"key"
SECRET = {"name": "solar", "key": "k"}
CLOSED = a_spec(
    source={"sharedSecrets": [SECRET]},
    endpoint={
        "url": "https://customer.example/",
        "token": SECRET,
        "headers": [{"name": "X-Key", "secretKeyRef": SECRET}, {"name": "X-A", "value": "a"}],
    },
)
WHOLE = Credentials(("s",), "t", {"X-Key": "k"})


def entry(spec: Any, credentials: Any = None, **changes: Any) -> bytes:
    document = {"namespace": "default", "name": "solar", "configHash": "hash", "credentials": credentials, "spec": spec}
    return json.dumps(document | changes).encode()


def mounted(credentials: Credentials) -> CredentialsFile:
    return CredentialsFile(write_credentials(credentials), KEY)


def mark(credentials: Credentials) -> str:
    return fingerprint(write_credentials(credentials), KEY)


def loaded(spec: Any, credentials: Any = None) -> Compiled:
    compiled = compile_entry("default.solar.json", entry(spec, credentials))
    assert isinstance(compiled, Compiled), compiled
    return compiled


def test_an_entry_becomes_a_route_with_its_hash() -> None:
    route = join_credentials(loaded(a_spec()), None)

    assert isinstance(route, RouteSnapshot)
    assert (route.key, route.config_hash) == ("default/solar", "hash")


def test_a_route_is_joined_with_the_credentials_that_are_meant() -> None:
    route = join_credentials(loaded(CLOSED, mark(WHOLE)), mounted(WHOLE))

    assert isinstance(route, RouteSnapshot)
    assert route.credentials == WHOLE


@pytest.mark.parametrize(
    "there", [None, mounted(Credentials(("old",), "t", {"X-Key": "k"})), CredentialsFile(b"", b"x")]
)
@pytest.mark.parametrize("wanted", [mark(WHOLE), "withheld", "ü\ud800"])
def test_a_route_waits_while_its_credentials_are_not_the_ones_that_are_meant(
    there: CredentialsFile | None, wanted: str
) -> None:
    assert join_credentials(loaded(CLOSED | {"default": True}, wanted), there) == Waiting("solar", default=True)


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials((), "t", {"X-Key": "k"}),
        Credentials(("",), "t", {"X-Key": "k"}),
        Credentials(("s",), None, {"X-Key": "k"}),
        Credentials(("s",), "t", {}),
    ],
)
def test_a_route_never_serves_with_less_than_it_refers_to(credentials: Credentials) -> None:
    found = join_credentials(loaded(CLOSED, mark(credentials)), mounted(credentials))

    assert isinstance(found, Faulty)
    assert "lack" in found.reason


def test_an_entry_that_forgets_its_credentials_does_not_open_the_route() -> None:
    assert isinstance(join_credentials(loaded(CLOSED, None), mounted(WHOLE)), Faulty)


def test_credentials_that_cannot_be_read_are_a_reason() -> None:
    there = CredentialsFile(b"{", KEY)

    found = join_credentials(loaded(CLOSED, fingerprint(b"{", KEY)), there)

    assert found == Faulty("the credentials of the route can't be read", "solar", default=False)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "not JSON"),
        (entry(a_spec(), name="roof"), "another name"),
        (entry(a_spec(), namespace="sales"), "another name"),
        (entry({}), "spec.mapping: this field is required"),
        (entry(a_spec(paused="no")), "spec.paused: write true or false"),
        (entry(a_spec(path="A")), "spec.path: a path is one segment"),
    ],
)
def test_an_entry_that_can_not_run_says_why(data: bytes, reason: str) -> None:
    found = compile_entry("default.solar.json", data)

    assert isinstance(found, Faulty)
    assert reason in found.reason


def test_a_name_that_is_none_is_a_reason_too() -> None:
    found = compile_entry("default.No Name.json", entry(a_spec(), name="No Name"))

    assert isinstance(found, Faulty)
    assert "metadata.name" in found.reason


@pytest.mark.parametrize(
    ("spec", "path", "default"),
    [
        (a_spec(path="dach", default=True, paused="no"), "dach", True),
        (a_spec(path=7), "solar", False),
        (a_spec(default="true"), "solar", False),
    ],
)
def test_what_a_faulty_entry_claims_is_known_as_far_as_it_can_be(spec: Any, path: str, default: bool) -> None:
    found = compile_entry("default.solar.json", entry(spec))

    assert isinstance(found, Faulty)
    assert (found.path, found.default) == (path, default)
