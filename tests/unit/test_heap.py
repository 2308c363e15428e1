"""How many heaps glibc keeps for the threads of a process."""

from __future__ import annotations

import os
import subprocess
import sys

_SCRIPT = """
import ctypes, sys, threading
from leadgateway.heap import share_one_heap

if "shared" in sys.argv:
    share_one_heap()
met = threading.Barrier(4)
def take():
    bytearray(100_000)
    met.wait()
threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


def heaps(*arguments: str, environment: dict[str, str] | None = None) -> int:
    """The heaps of a process that ran four threads."""
    inherited = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    command = [sys.executable, "-c", _SCRIPT, *arguments]
    told = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True, env=inherited | (environment or {})
    )
    return told.stdout.count("<heap nr=")


def test_threads_share_one_heap() -> None:
    assert heaps("shared") == 1
    assert heaps() > 1


def test_whoever_sets_the_number_of_heaps_has_it() -> None:
    assert heaps("shared", environment={"MALLOC_ARENA_MAX": "2"}) == 2
