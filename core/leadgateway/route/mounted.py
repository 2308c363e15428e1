"""The shards that are mounted into a process, read as far as they changed; what vanishes or breaks stays as it was.

kubelet replaces a mounted ConfigMap by pointing `..data` at a new folder, so a look at the link tells whether anything
changed. Modification times lie, and file watches see the first replacement only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from leadgateway.route.directory import DATA
from leadgateway.route.shard import (
    CREDENTIALS_PREFIX,
    FINGERPRINT_KEY,
    MANIFEST,
    ROUTES_PREFIX,
    InvalidEntry,
    Manifest,
    read_manifest,
)

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class RouteShard:
    """A whole shard of routes: its manifest, and the file of each route by name."""

    manifest: Manifest
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class CredentialsFile:
    """The credentials file of one route, and the key of its fingerprint."""

    data: bytes = field(repr=False)
    fingerprint_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CredentialsShard:
    """The credentials of a shard's routes by file name, and the key of their fingerprints."""

    fingerprint_key: bytes = field(repr=False)
    files: Mapping[str, bytes] = field(repr=False)


class MountedShards:
    """Everything below one folder, at its last good state."""

    def __init__(self, root: Path) -> None:
        """Read nothing yet, see `refresh`."""
        self._routes = _Folders(root, ROUTES_PREFIX, _route_shard)
        self._credentials = _Folders(root, CREDENTIALS_PREFIX, _credentials_shard)

    def refresh(self) -> bool:
        """Read what changed since the last time; returns whether anything did."""
        changed = self._routes.refresh()
        return self._credentials.refresh() or changed

    @property
    def faults(self) -> Mapping[str, str]:
        """By folder, why it could not be read or is not there any more; its last good state goes on."""
        return {**self._routes.faults, **self._credentials.faults}

    @property
    def is_whole(self) -> bool:
        """Whether every shard is there, according to the manifests."""
        return self._whole_count() is not None

    def route_files(self) -> dict[str, tuple[int, bytes]]:
        """The file of each route, with the index of its shard.

        While the number of shards changes, a route may stand in two; the one that changed last counts.
        """
        count = self._whole_count()
        shards = self._routes.contents.items()
        wanted = [(index, shard) for index, shard in shards if count is None or index < count]
        return {name: (index, data) for index, shard in wanted for name, data in shard.files.items()}

    def credentials(self, index: int, file: str) -> CredentialsFile | None:
        """The credentials of a route, by its shard and the name of its file; None: not there (yet)."""
        shard = self._credentials.contents.get(index)
        if shard is None or file not in shard.files:
            return None
        return CredentialsFile(shard.files[file], shard.fingerprint_key)

    def _whole_count(self) -> int | None:
        """The number of shards for which all of them are there and agree."""
        shards = self._routes.contents
        count = shards[0].manifest.of if 0 in shards else 0
        agree = all(index in shards and shards[index].manifest.of == count for index in range(count))
        return count if count and agree else None


class _Folders(Generic[Content]):
    """The folders with one prefix."""

    def __init__(self, root: Path, prefix: str, read: Callable[[int, dict[str, bytes]], Content]) -> None:
        self._root = root
        self._prefix = prefix
        self._read = read
        self._targets: dict[int, Path] = {}
        self.contents: dict[int, Content] = {}
        """In the order in which they changed, the last one last."""
        self.faults: dict[str, str] = {}

    def refresh(self) -> bool:
        """Read what changed; returns whether anything good did."""
        self.faults = {f"{self._prefix}{index}": "is not mounted any more" for index in self.contents}
        return sum(self._refresh(index, folder) for index, folder in self._present()) > 0

    def _present(self) -> Iterator[tuple[int, Path]]:
        try:
            folders = list(self._root.iterdir())
        except OSError:
            return
        for folder in folders:
            number = folder.name.removeprefix(self._prefix)
            if number != folder.name and re.fullmatch(r"0|[1-9][0-9]{0,5}", number):
                yield int(number), folder

    def _refresh(self, index: int, folder: Path) -> bool:
        try:
            target = (folder / DATA).readlink()
            if self._targets.get(index) != target:
                content = self._read(index, _files(folder / target))
                self.contents.pop(index, None)
                self.contents[index] = content
                self._targets[index] = target
                changed = True
            else:
                changed = False
        except (OSError, InvalidEntry) as error:
            # An OSError also happens when the folder is replaced in mid-read: the next look finds the new one.
            self.faults[folder.name] = str(error) if isinstance(error, InvalidEntry) else "is empty or can't be read"
            return False
        self.faults.pop(folder.name, None)
        return changed


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def _route_shard(index: int, files: dict[str, bytes]) -> RouteShard:
    if MANIFEST not in files:
        raise InvalidEntry(f"holds no {MANIFEST}")
    manifest = read_manifest(files.pop(MANIFEST))
    if manifest.shard != index or manifest.routes != len(files):
        raise InvalidEntry(f"does not hold what its {MANIFEST} says")
    return RouteShard(manifest, files)


def _credentials_shard(_: int, files: dict[str, bytes]) -> CredentialsShard:
    if FINGERPRINT_KEY not in files:
        raise InvalidEntry(f"holds no {FINGERPRINT_KEY}")
    return CredentialsShard(files.pop(FINGERPRINT_KEY), files)
