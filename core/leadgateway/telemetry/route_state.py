"""How a process's configuration fares, told the same way by all that load routes: as metrics and in its health."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized

from prometheus_client import REGISTRY, CollectorRegistry, Gauge

from leadgateway.route.table import RouteTable


class RouteMetrics:
    """Gauges of one process's route table, read when they are scraped."""

    def __init__(self, role: str, registry: CollectorRegistry = REGISTRY) -> None:
        """Register them.

        Args:
            role: Part of their names: `webhook` or `worker`.
            registry: Where; each can hold them once.
        """
        self._routes = Gauge(
            f"leadgateway_{role}_routes",
            "Routes by state: running, pending (not run at all yet), broken (a published version that is not run).",
            ["state"],
            registry=registry,
        )
        self._faults = Gauge(
            f"leadgateway_{role}_config_faults",
            "Mounted folders whose last good contents go on because the present ones can't be used.",
            registry=registry,
        )

    def observe(self, table: Callable[[], RouteTable], faults: Callable[[], Sized]) -> None:
        """Say where they are read from.

        Args:
            table: Gives the table that runs now.
            faults: Gives the mounted folders that can't be used as they are.
        """
        self._routes.labels("running").set_function(lambda: len(table().by_key))
        self._routes.labels("pending").set_function(lambda: len(table().pending))
        self._routes.labels("broken").set_function(lambda: len(table().broken))
        self._faults.set_function(lambda: len(faults()))


def route_details(table: RouteTable, faults: Sized) -> Mapping[str, str]:
    """What health tells people of the configuration."""
    return {
        "routes": str(len(table.by_key)),
        "broken_routes": str(len(table.broken)),
        "config": "faulty" if faults else "ok",
    }
