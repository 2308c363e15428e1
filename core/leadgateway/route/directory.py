"""Shards as folders, laid out and replaced as kubelet does it with mounted ConfigMaps and Secrets.

`leadgateway dev` publishes with it, and so do tests: processes then read the same layout everywhere. A folder holds
`..data`, a link to a folder with the files; a change makes a new folder and replaces the link in one step.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from leadgateway.route.shard import CREDENTIALS_PREFIX, ROUTES_PREFIX, Shard

DATA: Final = "..data"

_PUBLIC, _PRIVATE = 0o644, 0o600


def publish(root: Path, shards: Iterable[Shard]) -> None:
    """Write shards below a folder, each atomically; one that has not changed is left as it is.

    Credentials go first, so that a route rarely waits for them.

    Args:
        root: Made when it isn't there.
        shards: All of them.

    Raises:
        OSError: The file system refused.
    """
    written = list(shards)
    for shard in written:
        replace(root / f"{CREDENTIALS_PREFIX}{shard.index}", shard.credentials, mode=_PRIVATE)
    for shard in written:
        replace(root / f"{ROUTES_PREFIX}{shard.index}", shard.routes, mode=_PUBLIC)


def replace(folder: Path, files: Mapping[str, bytes], *, mode: int = _PUBLIC) -> bool:
    """Replace all files of one folder at once.

    Args:
        folder: Made when it isn't there.
        files: Contents by name.
        mode: Of the files.

    Returns:
        Whether anything changed.

    Raises:
        OSError: The file system refused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / DATA
    if link.is_dir() and _contents(link) == dict(files):
        return False
    old = link.readlink().name if link.is_symlink() else None
    new = folder / f"..{datetime.now(UTC):%Y_%m_%d_%H_%M_%S}.{secrets.token_hex(4)}"
    new.mkdir()
    for name, content in files.items():
        _write(new / name, content, mode)
    _point(link, new.name)
    _show(folder, files)
    if old is not None:
        shutil.rmtree(folder / old, ignore_errors=True)
    return True


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _write(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)


def _point(link: Path, target: str) -> None:
    """Point a link at another target in one step: a reader sees the old one or the new one."""
    temporary = link.with_name(f"{link.name}_tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)


def _show(folder: Path, names: Iterable[str]) -> None:
    """Let every file appear in the folder itself, and nothing that is gone."""
    wanted = set(names)
    for path in folder.iterdir():
        if path.is_symlink() and not path.name.startswith("..") and path.name not in wanted:
            path.unlink()
    for name in wanted:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"{DATA}/{name}")
