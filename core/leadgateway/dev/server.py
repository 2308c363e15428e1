"""What the embedded servers share: the ways in which starting one fails, and the last words of its log."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from leadgateway.dev.account import Account, first_barrier, private_file

POLL_SECONDS = 0.01
ORPHAN_SECONDS = 15.0
"""How long a server that a killed stack left behind may take to end."""

LARGEST_LOG = 10 * 1024 * 1024
"""Bytes; a log that has grown beyond is started anew with the server."""


class StartError(Exception):
    """An embedded server didn't start; the message holds what it said last."""


class AlreadyRunningError(Exception):
    """Another server serves this data."""


class UnreachableDataError(Exception):
    """The account that a server runs as may not pass a folder on the way to its data."""


def check_reachable(folder: Path, account: Account | None) -> None:
    """Make sure that the server's account can get to its data.

    Raises:
        UnreachableDataError: A folder on the way is closed to it.
    """
    barrier = first_barrier(folder.parent, account)
    if barrier is not None and account is not None:
        message = (
            f"Servers started by root run as user {account.uid}, who may not enter {barrier}. "
            "Choose a data folder that everybody can pass through, such as one below /var/lib (option --data)."
        )
        raise UnreachableDataError(message)


def open_log(path: Path, account: Account | None) -> IO[bytes]:
    """Open a server's log for appending, private to its account; one grown large is started anew."""
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.unlink()
    return private_file(path, account).open("ab")


def wait_until_ready(
    name: str, process: subprocess.Popen[bytes], ready: Callable[[], bool], *, log: Path, patience: float
) -> None:
    """Wait until a server takes connections.

    Args:
        name: What the server is called in errors.
        process: The server.
        ready: Whether it takes connections now.
        log: Where it writes its log.
        patience: Seconds to wait; recovery after a crash takes the longest.

    Raises:
        StartError: It ended, or wasn't ready in time. The process may still run.
    """
    deadline = time.monotonic() + patience
    while not ready():
        if process.poll() is not None:
            raise StartError(f"{name} ended with code {process.returncode} while starting.\n{last_lines(log)}")
        if time.monotonic() > deadline:
            raise StartError(f"{name} isn't ready after {patience:.0f} s.\n{last_lines(log)}")
        time.sleep(POLL_SECONDS)


def await_orphan(name: str, folder: Path, sock: Path, *, patience: float) -> None:
    """Wait for a server that a killed stack left behind, which is ending already.

    Whether there is one is asked at its socket: a process id proves nothing, since after the restart of a container
    it often belongs to another process.

    Raises:
        AlreadyRunningError: A server is there and stays.
    """
    deadline = time.monotonic() + patience
    while accepts_connections(sock):
        if time.monotonic() > deadline:
            message = (
                f"Another {name} serves the data in {folder}. "
                "End what started it, or choose another data folder (option --data)."
            )
            raise AlreadyRunningError(message)
        time.sleep(POLL_SECONDS)


def accepts_connections(path: Path) -> bool:
    """Whether something accepts connections at a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


def last_lines(log: Path, count: int = 12) -> str:
    """The end of a log, with its path, as part of an error."""
    if not log.exists():
        return f"(no log at {log})"
    lines = log.read_text(errors="replace").splitlines()[-count:]
    return "\n".join([f"The end of {log}:", *(f"  {line}" for line in lines)])
