"""Keeps the route table of a process as new as the mounted shards are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from leadgateway.route.loading import Compiled, Faulty, Waiting, compile_entry, join_credentials
from leadgateway.route.mounted import CredentialsFile, MountedShards
from leadgateway.route.shard import key_of
from leadgateway.route.snapshot import RouteKey, RouteSnapshot
from leadgateway.route.table import Pending, RouteTable, make_table

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Seen:
    """What became of a file and its credentials when they were last read: most of them never change."""

    data: bytes
    compiled: Compiled | Faulty
    credentials: CredentialsFile | None = field(default=None, repr=False)
    joined: RouteSnapshot | Waiting | Faulty | None = None

    def join(self, credentials: CredentialsFile | None) -> RouteSnapshot | Waiting | Faulty:
        """What the file is worth with these credentials."""
        if isinstance(self.compiled, Faulty):
            return self.compiled
        if self.joined is None or self.credentials != credentials:
            self.credentials, self.joined = credentials, join_credentials(self.compiled, credentials)
        return self.joined


class RouteTableWatcher:
    """Looks at the mounted shards again and again, and replaces `table` when something changed.

    `table` is read by any thread; it is replaced by the watcher's own thread only, as a whole.
    """

    def __init__(
        self, root: Path, *, on_swap: Callable[[RouteTable], None] | None = None, interval: float = 1.0
    ) -> None:
        """Describe the watch; nothing is read before `start`.

        Args:
            root: Folder with the `routes-N` and `credentials-N` folders.
            on_swap: Called after each replacement, by the watching thread.
            interval: Seconds between two looks.
        """
        self._mounted = MountedShards(root)
        self._on_swap = on_swap or (lambda _: None)
        self._interval = interval
        self._seen: dict[str, _Seen] = {}
        self._table = RouteTable()
        self._faults: dict[str, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="route-table", daemon=True)

    @property
    def table(self) -> RouteTable:
        """The routes that run now."""
        return self._table

    @property
    def faults(self) -> dict[str, str]:
        """By mounted folder, why its last good state goes on; for people and metrics."""
        return self._faults

    def start(self) -> None:
        """Look once, so that the table is there, and go on looking in a thread."""
        self._look_safely()
        self._thread.start()

    def stop(self) -> None:
        """End the thread; the table stays as it is."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> bool:
        """Read what changed and replace the table if anything did; returns whether it was replaced."""
        changed = self._mounted.refresh()
        faults = dict(self._mounted.faults)
        if faults != self._faults:
            _log.warning("routes.shards_faulty", faults=faults) if faults else _log.info("routes.shards_mended")
            self._faults = faults
        if not changed:
            return False
        before, self._table = self._table, self._next_table()
        _tell(before, self._table)
        self._on_swap(self._table)
        return True

    def _watch(self) -> None:
        while not self._stopping.wait(self._interval):
            self._look_safely()

    def _look_safely(self) -> None:
        """Whatever a file holds, the watch goes on and the last table serves."""
        try:
            self.look()
        except Exception:
            _log.exception("routes.look_failed")

    def _next_table(self) -> RouteTable:
        routes: list[RouteSnapshot] = []
        pending: dict[RouteKey, Pending] = {}
        broken: dict[RouteKey, str] = {}
        files = self._mounted.route_files()
        for file, (index, data) in files.items():
            key = key_of(file)
            found = self._load(file, data, self._mounted.credentials(index, file))
            if isinstance(found, RouteSnapshot):
                routes.append(found)
                continue
            reason = found.reason if isinstance(found, Faulty) else "its credentials are not here yet"
            if isinstance(found, Faulty):
                broken[key] = reason
            pending[key] = Pending(found.path, found.default, reason)
            if key in self._table.by_key:
                routes.append(self._table.by_key[key])
        if not self._mounted.is_whole:
            # Only a whole set of shards can tell that a route is gone; while their number changes, it may be under way.
            found_keys = {key_of(file) for file in files}
            routes += [route for key, route in self._table.by_key.items() if key not in found_keys]
        self._seen = {file: seen for file, seen in self._seen.items() if file in files}
        is_loaded = self._table.is_loaded or self._mounted.is_whole
        return make_table(routes, before=self._table, pending=pending, broken=broken, is_loaded=is_loaded)

    def _load(self, file: str, data: bytes, credentials: CredentialsFile | None) -> RouteSnapshot | Waiting | Faulty:
        seen = self._seen.get(file)
        if seen is None or seen.data != data:
            seen = self._seen[file] = _Seen(data, compile_entry(file, data))
        return seen.join(credentials)


def _tell(before: RouteTable, after: RouteTable) -> None:
    old, new = before.hashes(), after.hashes()
    changed = sorted(key for key in new if old.get(key) != new[key])
    gone = sorted(old.keys() - new.keys())
    _log.info("routes.swapped", routes=len(new), changed=changed[:20], gone=gone[:20])
    for key, reason in after.broken.items():
        if before.broken.get(key) != reason:
            _log.warning("route.broken", route=key, reason=reason)
