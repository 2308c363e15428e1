"""The LeadRoutes of the harness: one of each kind that a fault could treat differently."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadgateway.route.snapshot import Credentials
from tests.building.routes import RouteToPublish, a_spec, publish_routes
from tests.chaos.records import RetryRule

TOKEN = "the customer's token"
RULE = RetryRule(most=5, first_seconds=1.0, factor=2.0, longest_seconds=8.0)
RETRY = {"maxRetries": 5, "initialDelay": "1s", "factor": 2, "maxDelay": "8s"}

PLAIN, DEDUPLICATED, NARROW, HASTY = "plain", "deduplicated", "narrow", "hasty"
NAMES = (PLAIN, DEDUPLICATED, NARROW, HASTY)
"""By what is special: nothing, duplicates are recognised, four deliveries at a time, a second for each of them."""

TIMEOUT_SECONDS = 3.0
"""Of every route but HASTY."""


@dataclass
class RouteTable:
    """The routes as they are published now; faults change and restore them."""

    root: Path
    customer_port: int
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def publish(self) -> None:
        """Write what webhooks and workers read."""
        publish_routes(self.root, *(self._route(name) for name in NAMES if name not in self.gone))

    @contextmanager
    def changed(self, name: str, **spec: Any) -> Iterator[None]:
        """Publish a route with other fields of its spec, and as it was at the end."""
        self.changes[name] = spec
        self.publish()
        yield
        del self.changes[name]
        self.publish()

    def _route(self, name: str) -> RouteToPublish:
        endpoint: dict[str, Any] = {
            "url": f"http://127.0.0.1:{self.customer_port}/{name}",
            "token": {"name": "customer", "key": "token"},
            "allowPrivateNetworks": True,
            "timeout": f"{TIMEOUT_SECONDS:g}s",
        }
        spec = a_spec(retry=RETRY)
        if name == PLAIN:
            spec["default"] = True
        if name == DEDUPLICATED:
            spec["source"] = {"deduplicate": {"fields": ["email"], "window": "24h"}}
        if name == NARROW:
            endpoint["concurrency"] = 4
        if name == HASTY:
            endpoint["timeout"] = "1s"
        changed = self.changes.get(name, {})
        spec["endpoint"] = endpoint | changed.get("endpoint", {})
        spec |= {field: value for field, value in changed.items() if field != "endpoint"}
        return RouteToPublish(name, spec, Credentials(token=TOKEN))
