"""The webhook and worker pods, and which version of each route they say they have loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from leadgateway.route.snapshot import RouteKey

Role = Literal["webhook", "worker"]
ROLES: tuple[Role, ...] = ("webhook", "worker")


@dataclass(frozen=True, slots=True)
class Pod:
    """One endpoint of a role's Service.

    Attributes:
        name: Of the Pod; its address where the EndpointSlice names no Pod.
        url: Of its status port.
        is_named: Whether `name` is that of a Pod.
    """

    role: Role
    name: str
    url: str
    is_named: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """What one pod says.

    Attributes:
        loaded: Config hash by route key; None where it could not be asked.
        open_breakers: Since when circuit breakers are open, by route key; workers alone know of any.
    """

    pod: Pod
    loaded: Mapping[RouteKey, str] | None
    open_breakers: Mapping[RouteKey, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of a role's pods have loaded one version of one route."""

    role: Role
    loaded: int
    unreachable: int
    total: int

    @property
    def complete(self) -> bool:
        """Whether all have, and there is at least one."""
        return 0 < self.total == self.loaded

    def __str__(self) -> str:
        return f"{self.loaded}/{self.total}"


@dataclass(frozen=True, slots=True)
class Fleet:
    """All pods that serve at one moment."""

    reports: tuple[Report, ...] = field(default=())

    def tally(self, role: Role, key: RouteKey, config_hash: str | None) -> Tally:
        """Count the pods of `role` that have loaded `config_hash` of a route (None: of no version)."""
        reports = [report for report in self.reports if report.pod.role == role]
        return Tally(
            role,
            loaded=sum(config_hash is not None and (r.loaded or {}).get(key) == config_hash for r in reports),
            unreachable=sum(r.loaded is None for r in reports),
            total=len(reports),
        )

    def breaker_opened_at(self, key: RouteKey) -> datetime | None:
        """Since when a route's circuit breaker is open, by any of the workers: they read it from the same database."""
        return min((r.open_breakers[key] for r in self.reports if key in r.open_breakers), default=None)


def pods_of(slices: Iterable[Mapping[str, Any]], *, services: Mapping[str, Role], port_name: str) -> list[Pod]:
    """Find the pods that serve, in EndpointSlices.

    Pods that are not ready or are ending are left out: no lead reaches them, and a rollout must not wait for them.

    Args:
        slices: EndpointSlices as the API gives them.
        services: The role behind each Service name.
        port_name: Name of the status port.
    """
    found: dict[tuple[Role, str], Pod] = {}
    for slice_ in slices:
        role = services.get(_service_of(slice_))
        port = _port(slice_.get("ports") or (), port_name)
        if role is None or port is None:
            continue
        for endpoint in slice_.get("endpoints") or ():
            pod = _pod(endpoint, role, port)
            if pod is not None:
                # A pod of two address families stands in two slices.
                found.setdefault((role, pod.name), pod)
    return sorted(found.values(), key=lambda pod: (pod.role, pod.name))


def pod_names(slices: Iterable[Mapping[str, Any]], *, service: str) -> frozenset[str]:
    """Name the Pods of a Service, in EndpointSlices, ready or not: one that starts wants its volumes too."""
    targets = (
        endpoint.get("targetRef") or {}
        for slice_ in slices
        if _service_of(slice_) == service
        for endpoint in slice_.get("endpoints") or ()
    )
    return frozenset(str(target["name"]) for target in targets if target.get("kind") == "Pod")


def _service_of(slice_: Mapping[str, Any]) -> str:
    return str(slice_["metadata"].get("labels", {}).get("kubernetes.io/service-name", ""))


def _port(ports: Iterable[Mapping[str, Any]], name: str) -> int | None:
    return next((int(port["port"]) for port in ports if port.get("name") == name and port.get("port")), None)


def _pod(endpoint: Mapping[str, Any], role: Role, port: int) -> Pod | None:
    conditions = endpoint.get("conditions") or {}
    addresses = endpoint.get("addresses") or ()
    # Absent means ready, by the API's own rule.
    if not addresses or conditions.get("ready") is False or conditions.get("terminating"):
        return None
    target = endpoint.get("targetRef") or {}
    address = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
    is_named = target.get("kind") == "Pod"
    name = target["name"] if is_named else addresses[0]
    return Pod(role, str(name), f"http://{address}:{port}", is_named)
