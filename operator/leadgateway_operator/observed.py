"""What the operator has seen in the cluster, reduced to what it decides on.

Ten thousand objects are held at once, so each keeps its spec as compact JSON and nothing of the rest.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leadgateway.route.snapshot import RouteKey
from leadgateway_operator.spec_text import write_spec


@dataclass(frozen=True, slots=True)
class ObservedRoute:
    """A LeadRoute.

    Attributes:
        created: RFC 3339 in UTC, so that text order is time order.
        deleting: It has a deletion timestamp: something else's finalizer holds it, but it is to be gone.
        spec: Compact JSON; empty where it nests too deeply to be read (see `spec_text`).
    """

    uid: str
    namespace: str
    name: str
    generation: int
    created: str
    deleting: bool
    spec: bytes
    status: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> RouteKey:
        """What its leads are stored under."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class ObservedRevision:
    """A ControllerRevision that keeps an accepted spec of a LeadRoute."""

    uid: str
    namespace: str
    name: str
    owner: str
    generation: int
    spec: bytes


@dataclass(frozen=True, slots=True)
class ObservedSecret:
    """A Secret with the credentials label. Its values are in no repr."""

    uid: str
    namespace: str
    name: str
    values: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything a plan is made from."""

    routes: tuple[ObservedRoute, ...] = ()
    revisions: tuple[ObservedRevision, ...] = ()
    secrets: tuple[ObservedSecret, ...] = ()


def observe_route(body: Mapping[str, Any]) -> ObservedRoute:
    """Reduce a LeadRoute as the API gives it."""
    metadata = body["metadata"]
    return ObservedRoute(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        generation=metadata["generation"],
        created=metadata["creationTimestamp"],
        deleting="deletionTimestamp" in metadata,
        spec=write_spec(body.get("spec", {})),
        status=body.get("status") or {},
    )


def observe_revision(body: Mapping[str, Any]) -> ObservedRevision | None:
    """Reduce a ControllerRevision; None for one that no LeadRoute owns or that holds no spec."""
    metadata = body["metadata"]
    owners = [owner["uid"] for owner in metadata.get("ownerReferences", ()) if owner.get("controller")]
    data = body.get("data")
    if len(owners) != 1 or not isinstance(data, Mapping) or not isinstance(data.get("spec"), Mapping):
        return None
    return ObservedRevision(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        owner=owners[0],
        generation=int(body.get("revision", 0)),
        spec=write_spec(data["spec"]),
    )


def observe_secret(body: Mapping[str, Any]) -> ObservedSecret:
    """Reduce a Secret."""
    metadata = body["metadata"]
    return ObservedSecret(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        values={key: _decoded(value) for key, value in (body.get("data") or {}).items()},
    )


def _decoded(value: str | None) -> bytes:
    try:
        return base64.b64decode(value or "", validate=True)
    except binascii.Error:  # the API server refuses it already
        return b""
