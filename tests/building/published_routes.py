"""LeadRoutes and Secrets as people write them, published as the operator does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from leadgateway.route.compile import compile_route
from leadgateway.route.directory import publish
from leadgateway.route.manifest import CREDENTIALS_LABEL, load_documents
from leadgateway.route.model import API_VERSION, KIND, LeadRoute, normalised_spec
from leadgateway.route.shard import PublishedRoute, render, resolve_credentials
from leadgateway.route.snapshot import RouteSnapshot

Document = dict[str, Any]

FINGERPRINT_KEY = b"the key of the tests' fingerprints"


def a_lead_route(name: str, **spec: Any) -> Document:
    """A LeadRoute that takes whatever it is sent.

    Args:
        name: Its name, and its path unless `spec` holds another.
        spec: Further fields of the spec, as in YAML.
    """
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {
            "mapping": {"customer_email": {"from": "email"}},
            "endpoint": {"url": "https://customer.example/lead/receive"},
            **spec,
        },
    }


def a_secret(name: str, **values: str) -> Document:
    """A Secret that routes may use."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {CREDENTIALS_LABEL: "true"}},
        "stringData": values,
    }


def publish_routes(folder: Path, *documents: Document, shards: int = 2) -> None:
    """Publish LeadRoutes with their Secrets into a folder, replacing what was there.

    Args:
        folder: Where webhook and worker read.
        documents: LeadRoutes and Secrets.
        shards: How many shards to distribute them over.
    """
    manifests = load_documents(yaml.safe_dump_all(documents))
    assert not manifests.problems, manifests.problems
    secrets = {(secret.namespace, secret.name): secret.values for secret in manifests.secrets}
    routes = [_published(route, secrets) for _, route in manifests.routes]
    publish(folder, render(routes, count=shards, fingerprint_key=FINGERPRINT_KEY))


def _published(route: LeadRoute, secrets: Mapping[tuple[str, str], Mapping[str, str]]) -> PublishedRoute:
    compiled = compile_route(route)
    assert isinstance(compiled, RouteSnapshot), compiled
    return PublishedRoute(
        compiled.namespace, compiled.name, normalised_spec(route.spec), resolve_credentials(compiled, secrets)
    )
