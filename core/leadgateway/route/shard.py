"""The published form of routes: what the operator writes into ConfigMaps and Secrets, and webhook and worker read.

A fixed number of shards, each a ConfigMap of routes and a Secret of credentials. A route lives whole in one shard. Its
entry carries a keyed fingerprint of its credentials, so that a process can tell whether the credentials it has are the
ones that were meant, and nobody can tell from the ConfigMap what they are.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from leadgateway.route.snapshot import Credentials, RouteKey, RouteSnapshot, SecretReference

MANIFEST: Final = "shard.json"
"""Tells that a shard is whole, see `Manifest`."""

FINGERPRINT_KEY: Final = "fingerprint-key"
"""The file of a credentials shard that holds the key of the fingerprints."""

ROUTES_PREFIX: Final = "routes-"
CREDENTIALS_PREFIX: Final = "credentials-"

_HASH_LENGTH = 16

_HEADER_VALUE = re.compile(r"[!-~](?:[ \t!-~]*[!-~])?")
"""What a header carries without altering it (RFC 9110, section 5.5). A line break at the end, as `echo` writes it,
would never be equal to what a source sends."""


class InvalidEntry(ValueError):
    """A published file is not what it should be; the message says what is wrong, without its contents."""


class MissingCredentials(LookupError):
    """A Secret that a route refers to is not there, or lacks the key."""

    def __init__(self, reference: SecretReference, complaint: str = "there is no key {key} in a Secret {name}") -> None:
        super().__init__(f"{complaint.format(key=reference.key, name=reference.name)} of its namespace")
        self.reference = reference


class UnusableCredentials(MissingCredentials):
    """There is a value, and no HTTP header can carry it."""

    def __init__(self, reference: SecretReference) -> None:
        super().__init__(reference, "there is nothing that an HTTP header can carry in key {key} of the Secret {name}")


@dataclass(frozen=True, slots=True)
class PublishedRoute:
    """A route to be published: its normalised spec, and the values behind its Secret references."""

    namespace: str
    name: str
    spec: Mapping[str, Any]
    credentials: Credentials = field(repr=False)

    @property
    def key(self) -> RouteKey:
        """What its leads are stored under."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """A route as its file in a shard holds it.

    Attributes:
        spec: JSON of the LeadRoute's spec.
        config_hash: Stands for the route and its credentials.
        fingerprint: Of the credentials that belong to it; None: it needs none.
    """

    namespace: str
    name: str
    spec: Mapping[str, Any]
    config_hash: str
    fingerprint: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """Says what a whole shard holds.

    Attributes:
        shard: Its index, from 0.
        of: How many shards there are.
        routes: Number of route files beside the manifest.
    """

    shard: int
    of: int
    routes: int


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard to be written: the files of its ConfigMap and of its Secret."""

    index: int
    routes: Mapping[str, bytes]
    credentials: Mapping[str, bytes] = field(repr=False)


def file_name(namespace: str, name: str) -> str:
    """Name the file of a route; namespaces hold no dot, so it can't be that of another."""
    return f"{namespace}.{name}.json"


def key_of(file: str) -> RouteKey:
    """Tell the route of a file by its name, the inverse of `file_name`."""
    namespace, _, name = file.removesuffix(".json").partition(".")
    return f"{namespace}/{name}"


def shard_of(key: RouteKey, count: int) -> int:
    """Choose the shard of a route, the same one in every process and release.

    Args:
        key: `namespace/name`.
        count: Number of shards.
    """
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % count


def has_credentials(credentials: Credentials) -> bool:
    """Whether a route uses any Secret."""
    return bool(credentials.shared_secrets or credentials.token is not None or credentials.headers)


def write_credentials(credentials: Credentials) -> bytes:
    """Write the credentials file of a route."""
    return _canonical(
        {
            "sharedSecrets": list(credentials.shared_secrets),
            "token": credentials.token,
            "headers": dict(credentials.headers),
        }
    )


def read_credentials(data: bytes) -> Credentials:
    """Read the credentials file of a route.

    Raises:
        InvalidEntry: It is not what `write_credentials` writes.
    """
    try:
        document = json.loads(data)
        shared, token, headers = document["sharedSecrets"], document["token"], document["headers"]
        texts = [*shared, *headers.values(), *([] if token is None else [token])]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        texts = [None]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidEntry("the credentials of the route can't be read")
    return Credentials(shared_secrets=tuple(shared), token=token, headers=headers)


def fingerprint(credentials_file: bytes, key: bytes) -> str:
    """Fingerprint a credentials file.

    Args:
        credentials_file: As `write_credentials` wrote it.
        key: Secret, so that nobody can try out guesses on what the ConfigMap shows.
    """
    return hmac.new(key, credentials_file, hashlib.sha256).hexdigest()


def config_hash(namespace: str, name: str, spec: Mapping[str, Any], credentials_fingerprint: str | None) -> str:
    """Hash a route with its credentials: the same for the same configuration, whoever wrote it and when.

    Args:
        namespace: Of the LeadRoute.
        name: Of the LeadRoute.
        spec: Normalised, see `leadgateway.route.model.normalised_spec`.
        credentials_fingerprint: See `fingerprint`; None: it needs none.
    """
    whole = _canonical([namespace, name, spec, credentials_fingerprint])
    return hashlib.sha256(whole).hexdigest()[:_HASH_LENGTH]


def write_entry(entry: RouteEntry) -> bytes:
    """Write the file of a route."""
    return _canonical(
        {
            "namespace": entry.namespace,
            "name": entry.name,
            "configHash": entry.config_hash,
            "credentials": entry.fingerprint,
            "spec": entry.spec,
        }
    )


def read_entry(data: bytes) -> RouteEntry:
    """Read the file of a route; its spec is not judged.

    Raises:
        InvalidEntry: It is not what `write_entry` writes.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidEntry("the entry is not JSON") from error
    match document:
        case {"namespace": str(namespace), "name": str(name), "configHash": str(hash_), "spec": dict(spec)}:
            credentials = document.get("credentials")
            if credentials is None or isinstance(credentials, str):
                return RouteEntry(namespace, name, spec, hash_, credentials)
    raise InvalidEntry("the entry lacks namespace, name, configHash or spec")


def write_manifest(manifest: Manifest) -> bytes:
    """Write the manifest of a shard."""
    return _canonical({"shard": manifest.shard, "of": manifest.of, "routes": manifest.routes})


def read_manifest(data: bytes) -> Manifest:
    """Read the manifest of a shard.

    Raises:
        InvalidEntry: It is not what `write_manifest` writes.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidEntry(f"{MANIFEST} is not JSON") from error
    match document:
        case {"shard": int(shard), "of": int(of), "routes": int(routes)} if 0 <= shard < of:
            return Manifest(shard, of, routes)
    raise InvalidEntry(f"{MANIFEST} is not a manifest")


def resolve_credentials(route: RouteSnapshot, secrets: Mapping[tuple[str, str], Mapping[str, str]]) -> Credentials:
    """Look up the values behind a route's Secret references.

    Args:
        route: A compiled route.
        secrets: Values by key, by namespace and name of the Secret. Only those of the route's own namespace are used.

    Raises:
        MissingCredentials: One is not there; the first of them is named.
        UnusableCredentials: One is empty, or holds more than visible ASCII characters with blanks inside.
    """

    def value(reference: SecretReference) -> str:
        try:
            text = secrets[route.namespace, reference.name][reference.key]
        except KeyError:
            raise MissingCredentials(reference) from None
        if not _HEADER_VALUE.fullmatch(text):
            raise UnusableCredentials(reference)
        return text

    return Credentials(
        shared_secrets=tuple(map(value, route.intake.shared_secrets)),
        token=None if route.endpoint.token is None else value(route.endpoint.token),
        headers={header.name: value(header.secret) for header in route.endpoint.headers if header.secret},
    )


def render(routes: Iterable[PublishedRoute], *, count: int, fingerprint_key: bytes) -> list[Shard]:
    """Distribute routes over shards, all of which are returned, empty ones too.

    Args:
        routes: Each key once.
        count: Number of shards.
        fingerprint_key: See `fingerprint`; the same at each call, or all hashes change.
    """
    entries: list[dict[str, bytes]] = [{} for _ in range(count)]
    credentials: list[dict[str, bytes]] = [{FINGERPRINT_KEY: fingerprint_key} for _ in range(count)]
    for route in routes:
        index, file = shard_of(route.key, count), file_name(route.namespace, route.name)
        mark = None
        if has_credentials(route.credentials):
            credentials[index][file] = write_credentials(route.credentials)
            mark = fingerprint(credentials[index][file], fingerprint_key)
        hash_ = config_hash(route.namespace, route.name, route.spec, mark)
        entries[index][file] = write_entry(RouteEntry(route.namespace, route.name, route.spec, hash_, mark))
    return [
        Shard(index, {MANIFEST: write_manifest(Manifest(index, count, len(files))), **files}, credentials[index])
        for index, files in enumerate(entries)
    ]


def _canonical(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
