"""From a published entry to a route that runs, or to the reason why it can't be run."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace

from leadgateway.route.compile import compile_route
from leadgateway.route.model import API_VERSION, KIND, LeadRoute
from leadgateway.route.mounted import CredentialsFile
from leadgateway.route.problem import Problem
from leadgateway.route.reading import read_route
from leadgateway.route.shard import (
    InvalidEntry,
    RouteEntry,
    file_name,
    fingerprint,
    key_of,
    read_credentials,
    read_entry,
)
from leadgateway.route.snapshot import Credentials, RouteSnapshot


@dataclass(frozen=True, slots=True)
class Compiled:
    """A route whose credentials are still to be joined."""

    entry: RouteEntry
    snapshot: RouteSnapshot


@dataclass(frozen=True, slots=True)
class Faulty:
    """An entry that can't be run as it is.

    Attributes:
        reason: For people; without contents.
        path: What it claims, as far as that can be told.
        default: Whether it claims posts without a path.
    """

    reason: str
    path: str
    default: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """The credentials that the entry means are not here yet."""

    path: str
    default: bool


def compile_entry(file: str, data: bytes) -> Compiled | Faulty:
    """Read and compile one file of a shard; whatever it holds, this does not raise.

    Args:
        file: Its name.
        data: What it holds.
    """
    try:
        entry = read_entry(data)
    except InvalidEntry as error:
        return Faulty(str(error), _name_in(file), default=False)
    if file != file_name(entry.namespace, entry.name):
        return Faulty("the entry belongs into a file of another name", _name_in(file), default=False)
    compiled = _compile(entry)
    if isinstance(compiled, RouteSnapshot):
        return Compiled(entry, replace(compiled, config_hash=entry.config_hash))
    path = entry.spec.get("path", entry.name)
    claimed = path if isinstance(path, str) else entry.name
    return Faulty("; ".join(map(str, compiled)), claimed, default=entry.spec.get("default") is True)


def join_credentials(compiled: Compiled, mounted: CredentialsFile | None) -> RouteSnapshot | Waiting | Faulty:
    """Give a route the credentials that its entry means, and no others.

    Args:
        compiled: The route.
        mounted: What is there for it; None: nothing.
    """
    snapshot = compiled.snapshot
    wanted = compiled.entry.fingerprint
    credentials = Credentials()
    if wanted is not None:
        if mounted is None or not _is_meant(wanted, mounted):
            return Waiting(snapshot.path, snapshot.default)
        try:
            credentials = read_credentials(mounted.data)
        except InvalidEntry as error:
            return Faulty(str(error), snapshot.path, snapshot.default)
    if not _covers(credentials, snapshot):
        return Faulty("its credentials lack what its spec refers to", snapshot.path, snapshot.default)
    return replace(snapshot, credentials=credentials)


def _is_meant(wanted: str, mounted: CredentialsFile) -> bool:
    found = fingerprint(mounted.data, mounted.fingerprint_key)
    return hmac.compare_digest(found.encode(), wanted.encode("utf-8", "surrogatepass"))


def _covers(credentials: Credentials, route: RouteSnapshot) -> bool:
    """Whether there is a value for every reference: a route must never serve without its secret."""
    headers = {header.name for header in route.endpoint.headers if header.secret}
    return (
        len(credentials.shared_secrets) == len(route.intake.shared_secrets)
        and all(credentials.shared_secrets)
        and (credentials.token is not None) == (route.endpoint.token is not None)
        and credentials.headers.keys() >= headers
    )


def _name_in(file: str) -> str:
    return key_of(file).partition("/")[2]


def _compile(entry: RouteEntry) -> RouteSnapshot | list[Problem]:
    metadata = {"name": entry.name, "namespace": entry.namespace}
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": dict(entry.spec)}
    route = read_route(document)
    return compile_route(route) if isinstance(route, LeadRoute) else route
