"""Work that takes long beside the event loop, so that the loop keeps half of the time whatever comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class Aside:
    """One thread that does one piece of work at a time, and rests after each for as long as that took.

    A thread alone would not do: a C function such as a JSON parser keeps the interpreter's lock until it returns, and
    of a queue of such work the loop would get five milliseconds in between.
    """

    def __init__(self, name: str) -> None:
        """Make it; nothing runs yet.

        Args:
            name: Of the thread.
        """
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._rested_at = 0.0

    async def run(self, work: Callable[[], Result], *, patience: float) -> Result:
        """Do a piece of work, after those that came before.

        Args:
            work: What is done.
            patience: Seconds in which it has to be done.

        Raises:
            TimeoutError: It was not.
            Exception: What the work raised.
        """
        waiting = asyncio.get_running_loop().run_in_executor(self._thread, self._rest_and_do, work)
        return await asyncio.wait_for(waiting, patience)

    def close(self) -> None:
        """Let go of what waits."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _rest_and_do(self, work: Callable[[], Result]) -> Result:
        time.sleep(max(self._rested_at - time.monotonic(), 0))
        began = time.monotonic()
        try:
            return work()
        finally:
            ended = time.monotonic()
            self._rested_at = ended + (ended - began)
