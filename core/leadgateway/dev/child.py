"""Start and end the processes of the embedded stack."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from leadgateway.dev.account import Account

LAUNCH = Path(__file__).with_name("launch.py")


def spawn(
    command: Sequence[str],
    *,
    death_signal: signal.Signals = signal.SIGTERM,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    output: IO[bytes] | int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a process that ends when this one does, however this one ends.

    Call it from the main thread: on Linux the kernel sends `death_signal` when the *thread* that started the
    process ends. The process gets a session of its own, so a Ctrl-C at the terminal reaches this process alone,
    which then ends its parts in the right order.

    Args:
        command: Program and arguments.
        death_signal: What the process is sent when this one is gone.
        account: Whom to run as; None: as this process.
        environment: The whole environment; None: this process's.
        folder: The working directory; None: this process's.
        output: Where standard output and standard error go: a file or a subprocess constant.
    """
    who = f"{account.uid}:{account.gid}" if account else "-"
    return subprocess.Popen(  # noqa: S603 - our own programs and arguments, no shell
        [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(int(death_signal)), who, *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=None if environment is None else dict(environment),
        cwd=folder,
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes], *, ask: signal.Signals = signal.SIGTERM, grace: float = 10.0) -> int:
    """Ask a process that `spawn` started to end, kill it when it hasn't after `grace` seconds; returns its exit code.

    Safe to call for a process that has ended already.
    """
    if process.poll() is None:
        process.send_signal(ask)
    try:
        return process.wait(grace)
    except subprocess.TimeoutExpired:
        kill(process)
        return process.wait()


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that `spawn` started, with the launcher that may stand between (see `launch`)."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
