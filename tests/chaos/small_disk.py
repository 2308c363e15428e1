"""A disk that can be filled: a small file system in memory, mounted where PostgreSQL keeps its data. Needs root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

SIZE_MEBIBYTES = 2048
"""Enough for ten minutes of leads and the write-ahead log."""

_PIECE = b"\0" * (1 << 20)


class SmallDisk:
    """Enter it to mount it at a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def is_possible(folder: Path) -> bool:
        """Whether this process may mount a file system below a folder."""
        probe = folder / "mount-probe"
        probe.mkdir()
        try:
            with SmallDisk(probe):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False
        finally:
            probe.rmdir()

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        options = f"size={SIZE_MEBIBYTES}m,mode=711"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.folder], check=True, capture_output=True)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True, capture_output=True)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no byte free."""
        ballast = self.folder / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(self.folder).free)
        with suppress(OSError), ballast.open("ab", buffering=0) as file:
            while file.write(_PIECE):
                pass
        yield
        ballast.unlink()
