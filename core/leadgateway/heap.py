"""The heap that a process takes memory from, where C libraries do."""

from __future__ import annotations

import ctypes
import os

_M_ARENA_MAX = -8
"""Of glibc's malloc.h, see mallopt(3)."""


def share_one_heap() -> None:
    """Let all threads take memory from one heap; to be called before there are any others.

    glibc gives each of the first few a heap of its own, so that they need not wait for each other, and what one has
    given back no other gets. Ours wait for Python's lock instead: heaps of their own save them nothing, and cost a
    worker 1 to 2 MiB. Whoever sets MALLOC_ARENA_MAX has decided otherwise; other C libraries have nothing to set.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
