"""A real worker process and the routes it reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from leadgateway.route.compile import compile_route
from leadgateway.route.directory import publish
from leadgateway.route.manifest import load_documents
from leadgateway.route.shard import PublishedRoute, render, resolve_credentials
from leadgateway.route.snapshot import RouteSnapshot
from tests.building.pump import a_manifest
from tests.building.role_process import RoleProcess
from tests.building.waiting import eventually


def publish_routes(
    root: Path, *manifests: Mapping[str, Any], secrets: Mapping[str, Mapping[str, str]] | None = None
) -> None:
    """Publish LeadRoutes as the operator does.

    Args:
        root: The folder that a worker watches.
        manifests: The LeadRoutes.
        secrets: Values by key, by name of the Secret.
    """
    known = {("default", name): values for name, values in (secrets or {}).items()}
    published = []
    for manifest in manifests:
        ((_, route),) = load_documents(json.dumps(manifest)).routes
        compiled = compile_route(route)
        assert isinstance(compiled, RouteSnapshot), compiled
        credentials = resolve_credentials(compiled, known)
        published.append(PublishedRoute("default", compiled.name, manifest["spec"], credentials))
    publish(root, render(published, count=2, fingerprint_key=b"k" * 32))


def publish_solar(root: Path, url: str, **changes: Any) -> None:
    """Publish the one route of most tests."""
    publish_routes(root, a_manifest(url, **changes))


class WorkerProcess(RoleProcess):
    """`leadgateway worker` with a status port of its own."""

    def __init__(self, routes: Path, *, database: str, redis: str, **environment: str) -> None:
        """Start it; it may not be ready yet, see `until_ready`.

        Args:
            routes: Folder with the published routes.
            database: Where PostgreSQL is.
            redis: Where Redis is.
            environment: Further variables.
        """
        variables = {
            "DATABASE_URL": database,
            "REDIS_URL": redis,
            "LEADGATEWAY_WORKER_ALLOW_PRIVATE_NETWORKS": "true",
            "LEADGATEWAY_WORKER_SWEEP_SECONDS": "60",
        }
        super().__init__(
            "worker", f"--config-dir={routes}", environment=variables | environment, started="worker.started"
        )

    def until_ready(self) -> Self:
        """Return once it says that it is ready."""
        self._until("/readyz", what="readiness of the worker")
        return self

    def until_listening(self) -> Self:
        """Return once it takes wake-ups."""
        eventually(lambda: self.health()["redis"] == "ok", what="the worker at Redis")
        return self

    def health(self) -> dict[str, str]:
        return dict(httpx.get(f"{self.status}/healthz").json())

    def metric(self, sample: str) -> float:
        """The value of a sample, written as it is exposed: `name{label="value"}`; 0 if it isn't there."""
        return self.metrics().get(sample, 0.0)
