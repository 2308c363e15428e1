"""A folder for a measured system."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def workplace() -> Iterator[Path]:
    """Give an empty folder that the servers' account may pass, and remove it afterwards."""
    # Not /tmp, which may be memory: commits are to reach a disk.
    with tempfile.TemporaryDirectory(prefix="leadgateway-bench-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
