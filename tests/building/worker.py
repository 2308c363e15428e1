"""A real worker process and the routes it reads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from leadgateway.dev.child import spawn
from leadgateway.route.compile import compile_route
from leadgateway.route.directory import publish
from leadgateway.route.manifest import load_documents
from leadgateway.route.shard import PublishedRoute, render, resolve_credentials
from leadgateway.route.snapshot import RouteSnapshot
from tests.building.pump import a_manifest
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


class WorkerProcess:
    """`leadgateway worker` with a status port of its own, and everything it says. Use as a context manager."""

    def __init__(self, routes: Path, *, database: str, redis: str, **environment: str) -> None:
        """Start it; it may not be ready yet, see `until_ready`.

        Args:
            routes: Folder with the published routes.
            database: Where PostgreSQL is.
            redis: Where Redis is.
            environment: Further variables.
        """
        variables = {name: value for name, value in os.environ.items() if not name.startswith("LEADGATEWAY_")}
        variables |= {
            "DATABASE_URL": database,
            "REDIS_URL": redis,
            "LEADGATEWAY_CONFIG_POLL_SECONDS": "0.05",
            "LEADGATEWAY_WORKER_ALLOW_PRIVATE_NETWORKS": "true",
            "LEADGATEWAY_WORKER_SWEEP_SECONDS": "60",
        }
        # It ends with the pytest process, however that ends.
        self._process = spawn(
            [sys.executable, "-m", "leadgateway", "worker", "--status-port=0", f"--config-dir={routes}"],
            environment=variables | environment,
            output=subprocess.PIPE,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        started = eventually(lambda: self.event("worker.started") or self._process.poll() is not None, within=60)
        assert isinstance(started, dict), f"the worker ended at once:\n{self.output}"
        self.status = f"http://127.0.0.1:{started['status_port']}"

    def until_ready(self) -> Self:
        """Return once it says that it is ready."""
        eventually(
            lambda: httpx.get(f"{self.status}/readyz").status_code == 200,
            within=60,
            what=f"readiness of the worker, which says {self.output!r},",
        )
        return self

    def until_listening(self) -> Self:
        """Return once it takes wake-ups."""
        eventually(lambda: self.health()["redis"] == "ok", what="the worker at Redis")
        return self

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        """Everything it wrote to standard output and standard error so far."""
        return "".join(self._lines)

    def health(self) -> dict[str, str]:
        return dict(httpx.get(f"{self.status}/healthz").json())

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines it logged under a name."""
        lines = (json.loads(line) for line in list(self._lines) if line.startswith("{"))
        return [line for line in lines if line.get("body") == name]

    def event(self, name: str) -> dict[str, Any] | None:
        """The first line it logged under a name."""
        return next(iter(self.events(name)), None)

    def metric(self, sample: str) -> float:
        """The value of a sample, written as it is exposed: `name{label="value"}`; 0 if it isn't there."""
        return self.metrics().get(sample, 0.0)

    def metrics(self) -> dict[str, float]:
        """Every sample, by its name as it is exposed."""
        lines = httpx.get(f"{self.status}/metrics").text.splitlines()
        samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it without giving it a chance."""
        self._process.kill()
        self._close()

    def end(self, number: signal.Signals = signal.SIGTERM, *, within: float = 20) -> int:
        """Signal it, wait for its end, and return its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self.wait(within=within)

    def wait(self, *, within: float = 20) -> int:
        """Wait for its end and return its exit code."""
        try:
            return self._process.wait(within)
        finally:
            self._process.kill()
            self._close()

    def _close(self) -> None:
        self._process.wait()
        self._reader.join(5)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line.decode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
