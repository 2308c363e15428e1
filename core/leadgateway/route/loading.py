"""From a published entry to a route that runs, or to the reason why it can't be run."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace

from leadgateway.route.compile import compile_route
from leadgateway.route.model import LeadRoute, LeadRouteSpec, Metadata
from leadgateway.route.mounted import CredentialsShard
from leadgateway.route.problem import Problem
from leadgateway.route.reading import read_spec
from leadgateway.route.shard import InvalidEntry, RouteEntry, fingerprint, read_credentials, read_entry
from leadgateway.route.snapshot import RouteSnapshot


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


def compile_entry(name: str, data: bytes) -> Compiled | Faulty:
    """Read and compile one file of a shard.

    Args:
        name: Of the LeadRoute, as the file's name tells it.
        data: What the file holds.
    """
    try:
        entry = read_entry(data)
    except InvalidEntry as error:
        return Faulty(str(error), name, default=False)
    spec = read_spec(dict(entry.spec))
    compiled = _compile(entry, spec) if isinstance(spec, LeadRouteSpec) else spec
    if isinstance(compiled, RouteSnapshot):
        return Compiled(entry, replace(compiled, config_hash=entry.config_hash))
    path = entry.spec.get("path", entry.name)
    claimed = path if isinstance(path, str) else entry.name
    return Faulty("; ".join(map(str, compiled)), claimed, default=entry.spec.get("default") is True)


def join_credentials(compiled: Compiled, file: str, shard: CredentialsShard | None) -> RouteSnapshot | Waiting | Faulty:
    """Give a route the credentials that its entry means, and no others.

    Args:
        compiled: The route.
        file: Name of its files.
        shard: What is mounted beside it.
    """
    snapshot = compiled.snapshot
    wanted = compiled.entry.fingerprint
    if wanted is None:
        return snapshot
    data = None if shard is None else shard.files.get(file)
    if shard is None or data is None or not hmac.compare_digest(fingerprint(data, shard.fingerprint_key), wanted):
        return Waiting(snapshot.path, snapshot.default)
    try:
        return replace(snapshot, credentials=read_credentials(data))
    except InvalidEntry as error:
        return Faulty(str(error), snapshot.path, snapshot.default)


def _compile(entry: RouteEntry, spec: LeadRouteSpec) -> RouteSnapshot | list[Problem]:
    metadata = Metadata(name=entry.name, namespace=entry.namespace)
    return compile_route(
        LeadRoute(api_version="leadgateway.io/v1alpha1", kind="LeadRoute", metadata=metadata, spec=spec)
    )
