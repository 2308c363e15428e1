"""How a process's configuration fares, told the same way by all that load routes: as metrics and in its health."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sized

from prometheus_client import REGISTRY, CollectorRegistry

from leadgateway.route.table import RouteTable
from leadgateway.telemetry.catalogue.shared import RouteTableMetrics

_HASH_BYTES = 6
"""A sample is a double, which holds whole numbers up to 53 bits."""


class RouteMetrics:
    """Gauges of one process's route table, read when they are scraped."""

    def __init__(self, metrics: RouteTableMetrics, registry: CollectorRegistry = REGISTRY) -> None:
        """Register them.

        Args:
            metrics: The role's, from the catalogue.
            registry: Where; each can hold them once.
        """
        self._routes = metrics.routes.register(registry)
        self._faults = metrics.config_faults.register(registry)
        self._hash = metrics.table_hash.register(registry)
        self._loaded_at = metrics.loaded_at.register(registry)

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

    def swapped(self, table: RouteTable) -> None:
        """Note that a table has been replaced by this one, now."""
        self._hash.set(table_number(table))
        self._loaded_at.set(time.time())


def table_number(table: RouteTable) -> int:
    """A number that is the same for tables that run the same routes by the same configuration, and for no others."""
    lines = "\n".join(f"{key} {digest}" for key, digest in sorted(table.hashes().items()))
    return int.from_bytes(hashlib.sha256(lines.encode()).digest()[:_HASH_BYTES], "big")


def route_details(table: RouteTable, faults: Sized) -> Mapping[str, str]:
    """What health tells people of the configuration."""
    return {
        "routes": str(len(table.by_key)),
        "broken_routes": str(len(table.broken)),
        "config": "faulty" if faults else "ok",
    }
