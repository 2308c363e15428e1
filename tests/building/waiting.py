"""Waiting for what other processes do: by asking until it is so, never by sleeping for a guessed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import psutil

Found = TypeVar("Found")


def eventually(ask: Callable[[], Found], *, within: float = 60.0, what: str = "the condition") -> Found:
    """Ask until the answer is true in the sense of `bool`, and give it back.

    Args:
        ask: The question; cheap, since it is asked many times a second.
        within: Seconds after which the test fails.
        what: What was waited for, for the failure.
    """
    deadline = time.monotonic() + within
    while not (found := ask()):
        assert time.monotonic() < deadline, f"{what} didn't come about within {within:.0f} s"
        time.sleep(0.01)
    return found


def gone(pid: int) -> bool:
    """Whether a process has ended (one that nobody waited for yet counts as ended)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
