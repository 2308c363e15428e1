"""The published routes as people look at them: what each says, without any of its credentials.

The console is not given credentials at all: it neither takes leads nor delivers them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from leadgateway.json import JsonValue
from leadgateway.route.loading import Compiled, Faulty, compile_entry
from leadgateway.route.mounted import MountedShards
from leadgateway.route.shard import key_of
from leadgateway.route.snapshot import RouteKey, RouteSnapshot


@dataclass(frozen=True, slots=True)
class PublishedRoute:
    """One route.

    Attributes:
        key: `namespace/name`.
        spec: As it was applied; empty where it can't be read.
        snapshot: What it compiles to, without credentials; None where it doesn't.
        fault: Why it doesn't.
    """

    key: RouteKey
    spec: Mapping[str, JsonValue]
    snapshot: RouteSnapshot | None
    fault: str | None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All published routes of one moment, by key and in the order of their keys."""

    routes: Mapping[RouteKey, PublishedRoute] = field(default_factory=dict)

    def hashes(self) -> dict[RouteKey, str]:
        """The hash of each that can be run."""
        return {key: route.snapshot.config_hash for key, route in self.routes.items() if route.snapshot}


class RouteCatalogue:
    """Keeps the catalogue as new as the mounted folders are."""

    def __init__(self, root: Path, *, interval: float = 1.0) -> None:
        """Read nothing yet, see `look`.

        Args:
            root: Folder with the `routes-N` folders.
            interval: Seconds for which a look is good.
        """
        self._mounted = MountedShards(root)
        self._interval = interval
        self._lock = threading.Lock()
        self._looked_at = -interval
        self._current = Catalogue()

    @property
    def current(self) -> Catalogue:
        """What was published when it was last looked at."""
        return self._current

    def look(self) -> Catalogue:
        """Look whether anything changed, unless that was done a moment ago; may be called by any thread."""
        with self._lock:
            if time.monotonic() - self._looked_at >= self._interval:
                if self._mounted.refresh():
                    files = self._mounted.route_files()
                    found = [_published(file, data) for file, (_, data) in files.items()]
                    self._current = Catalogue({route.key: route for route in sorted(found, key=lambda one: one.key)})
                self._looked_at = time.monotonic()
            return self._current


def _published(file: str, data: bytes) -> PublishedRoute:
    compiled: Compiled | Faulty = compile_entry(file, data)
    if isinstance(compiled, Faulty):
        return PublishedRoute(key_of(file), {}, None, compiled.reason)
    return PublishedRoute(key_of(file), compiled.entry.spec, compiled.snapshot, None)
