"""Runs a command and starts it anew when a source file of ours changes: what a development pod runs.

`python -m leadgateway.dev.reload webhook` runs `leadgateway webhook`. A command that ends by itself, as after a syntax
error, is started anew with the next change.
"""

from __future__ import annotations

import importlib.util
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from leadgateway.dev.child import end, spawn

PACKAGES = ("leadgateway", "leadgateway_operator", "leadgateway_webhook", "leadgateway_worker")
LOOK_SECONDS = 0.5
GRACE_SECONDS = 10.0


def source_folders() -> list[Path]:
    """Where the packages of this installation lie."""
    found = (importlib.util.find_spec(name) for name in PACKAGES)
    return [Path(place) for spec in found if spec for place in spec.submodule_search_locations or ()]


def fingerprint(folders: Sequence[Path]) -> frozenset[tuple[str, int, int]]:
    """Stands for the state of all Python sources in some folders."""
    return frozenset(_stamps(folders))


def _stamps(folders: Sequence[Path]) -> Iterator[tuple[str, int, int]]:
    for folder in folders:
        for path in folder.rglob("*.py"):
            try:
                seen = path.stat()
            except FileNotFoundError:  # replaced at this moment: it shows at the next look
                continue
            yield str(path), seen.st_mtime_ns, seen.st_size


def run(command: Sequence[str], folders: Sequence[Path], *, look_seconds: float = LOOK_SECONDS) -> None:
    """Run `command` until SIGTERM or SIGINT, anew after each change."""
    leaving = False

    def leave(_: int, __: FrameType | None) -> None:
        # A flag, not an Event: a handler that meets its own thread inside `wait` would wait for it for ever.
        nonlocal leaving
        leaving = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    while True:
        before = fingerprint(folders)
        process = spawn(command, output=sys.stderr.fileno())
        while not leaving and fingerprint(folders) == before:
            time.sleep(look_seconds)
        end(process, grace=GRACE_SECONDS)
        if leaving:
            return


def main() -> None:
    """Run what the command line names."""
    if len(sys.argv) < 2:
        sys.exit("usage: python -m leadgateway.dev.reload COMMAND [OPTION]…   (a command of `leadgateway`)")
    run([sys.executable, "-m", "leadgateway", *sys.argv[1:]], source_folders())


if __name__ == "__main__":
    main()
