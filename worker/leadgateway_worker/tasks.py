"""Tasks of the pump's loop that end together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable


async def first_end(expected: asyncio.Task[None], *endless: asyncio.Task[None]) -> None:
    """Wait until the task has ended that is expected to; one that ends before it is a defect.

    Raises:
        Exception: What the task that ended raised.
    """
    done, _ = await asyncio.wait({expected, *endless}, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended."""
    cancelled = list(tasks)
    for task in cancelled:
        task.cancel()
    await asyncio.gather(*cancelled, return_exceptions=True)
