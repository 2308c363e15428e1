"""LeadRoutes as JSON for tests, and publishing them as the operator would."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadgateway.route.compile import compile_route
from leadgateway.route.directory import publish
from leadgateway.route.model import API_VERSION, KIND, LeadRoute, normalised_spec
from leadgateway.route.reading import read_route
from leadgateway.route.shard import PublishedRoute, Shard, render
from leadgateway.route.snapshot import Credentials, RouteSnapshot

FINGERPRINT_KEY = b"a key for tests"

SOLAR_RULES = [
    {"code": "MISSING_REQUIRED_FIELD", "required": ["address.zip", "house.is_owner"]},
    {"code": "ZIP_NOT_66XXX", "field": "address.zip", "matches": r"^66\d{3}$"},
    {"code": "NOT_HOMEOWNER", "field": "house.is_owner", "equals": True},
]
SOLAR_MAPPING = {
    "customer_email": {"from": "email"},
    "customer_zip": {"from": "address.zip"},
    "customer_street": {"from": "address.street"},
    "is_homeowner": {"from": "house.is_owner", "type": "boolean"},
    "phone": {"from": "phone", "required": True},
    "product.name": {"value": "Solaranlage", "required": True},
}


def a_spec(url: str = "https://customer.example/lead/receive", **changes: Any) -> dict[str, Any]:
    """The seed system's rules and mapping, with changes at the top level of the spec."""
    return {
        "validation": {"rules": SOLAR_RULES},
        "mapping": SOLAR_MAPPING,
        "endpoint": {"url": url, "allowPrivateNetworks": True},
    } | changes


def a_lead(**changes: Any) -> dict[str, Any]:
    """A lead that passes the seed system's rules, with changes at its top level."""
    return {
        "email": "Erika.Muster@Example.com",
        "phone": "0681 123456",
        "address": {"zip": "66123", "street": "Hauptstr. 1"},
        "house": {"is_owner": True},
    } | changes


@dataclass(frozen=True)
class RouteToPublish:
    """A route of the namespace `default`, with the values of its Secret references."""

    name: str
    spec: dict[str, Any] = field(default_factory=a_spec)
    credentials: Credentials = field(default_factory=Credentials)


def lead_route(name: str, spec: dict[str, Any]) -> LeadRoute:
    """A LeadRoute read from JSON; fails on a spec that is not one."""
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}
    route = read_route(document)
    assert isinstance(route, LeadRoute), route
    return route


def compiled(spec: dict[str, Any], name: str = "solar") -> RouteSnapshot:
    """The snapshot of a spec; fails on one that does not compile."""
    snapshot = compile_route(lead_route(name, spec))
    assert isinstance(snapshot, RouteSnapshot), snapshot
    return snapshot


def rendered(routes: Iterable[RouteToPublish], *, count: int = 2) -> list[Shard]:
    """The shards of routes."""
    published = [
        PublishedRoute(
            namespace="default",
            name=route.name,
            spec=normalised_spec(lead_route(route.name, route.spec).spec),
            credentials=route.credentials,
        )
        for route in routes
    ]
    return render(published, count=count, fingerprint_key=FINGERPRINT_KEY)


def publish_routes(root: Path, *routes: RouteToPublish, count: int = 2) -> None:
    """Write routes where webhook and worker look for them, and nothing else."""
    publish(root, rendered(routes, count=count))
