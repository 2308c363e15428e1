"""Become another program that can't outlive the process that asked for it.

Run as a script (`python -I -S launch.py …`), so it imports nothing but the standard library. It drops root first
when told to, asks the kernel to signal the program when its parent dies, and then turns into the program: a
supervisor that is killed with SIGKILL leaves no orphans. A fork followed by Python code (`preexec_fn`) could do the
same, but deadlocks in a process with threads. Where the kernel has no such signal (macOS), it stays and watches.

Usage: launch.py PARENT_PID SIGNAL UID:GID|- PROGRAM [ARGUMENT…]
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from types import FrameType

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal this process gets when the thread that started it ends."""

PARENT_CHECK_SECONDS = 0.2
KILL_AFTER_SECONDS = 30.0


def drop_root(account: str) -> None:
    """Become `uid:gid` without supplementary groups; before prctl, since changing ids clears its setting."""
    if account == "-":
        return
    uid, gid = (int(part) for part in account.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with_parent(parent: int, death: int) -> None:
    """Ask for the signal, and end at once if the parent was gone before the asking."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, death, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit(f"launch: the parent process {parent} has gone")


def watch(parent: int, death: int, command: list[str]) -> int:
    """Run the program as a child, pass signals on, signal it once when the parent has gone.

    Returns:
        The program's exit code, 128 + signal when a signal ended it.
    """
    child = os.posix_spawnp(command[0], command, os.environ)

    def forward(number: int, _frame: FrameType | None) -> None:
        os.kill(child, number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, forward)
    kill_at: float | None = None
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return 128 - code if code < 0 else code
        if kill_at is None and os.getppid() != parent:
            os.kill(child, death)
            kill_at = time.monotonic() + KILL_AFTER_SECONDS
        if kill_at is not None and time.monotonic() > kill_at:
            os.kill(child, signal.SIGKILL)
        time.sleep(PARENT_CHECK_SECONDS)


def main(arguments: list[str]) -> None:
    """Parse the command line of this script and become the program."""
    parent, death, account, *command = arguments
    drop_root(account)
    if not sys.platform.startswith("linux"):
        sys.exit(watch(int(parent), int(death), command))
    die_with_parent(int(parent), int(death))
    os.execvp(command[0], command)  # noqa: S606 - the whole point: no shell, the given program


if __name__ == "__main__":
    main(sys.argv[1:])
