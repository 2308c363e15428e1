"""Name resolution that one dead name server can't clog.

aiohttp's own resolver shares a few threads (two of libuv's four under uvloop): names whose lookups hang would stop
every other customer's. Here each lookup has a thread of its own, and aiohttp asks for a name only once at a time.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

Lookup = Callable[[str, int, int], Sequence[tuple[Any, Any, int, str, tuple[Any, ...]]]]
"""Host, port and family to the entries of `socket.getaddrinfo`; may block."""

_MOST_LOOKUPS = 256
"""Threads at once; each hangs no longer than the system's resolver does."""


def _getaddrinfo(host: str, port: int, family: int) -> list[tuple[Any, Any, int, str, tuple[Any, ...]]]:
    return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)


class ThreadPerLookup(AbstractResolver):
    """Resolves names by the system's resolver; threads are daemons, so that a hanging one delays no exit."""

    def __init__(self, lookup: Lookup = _getaddrinfo) -> None:
        """Make a resolver for the running loop.

        Args:
            lookup: What is called in the thread.
        """
        self._lookup = lookup
        self._places = asyncio.Semaphore(_MOST_LOOKUPS)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve a name; see `aiohttp.abc.AbstractResolver`.

        Raises:
            OSError: The name can't be resolved.
        """
        async with self._places:
            entries = await self._in_thread(host, port, family)
        return [_result(host, entry) for entry in entries]

    async def _in_thread(self, host: str, port: int, family: int) -> Sequence[Any]:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Sequence[Any]] = loop.create_future()

        def work() -> None:
            try:
                entries, error = self._lookup(host, port, family), None
            except Exception as raised:
                entries, error = (), raised
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, found, entries, error)

        threading.Thread(target=work, name=f"resolve {host}", daemon=True).start()
        return await found

    async def close(self) -> None:
        """Nothing to end: threads end with their lookup."""


def _settle(future: asyncio.Future[Sequence[Any]], entries: Sequence[Any], error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(entries)
    else:
        future.set_exception(error)


def _result(host: str, entry: tuple[Any, Any, int, str, tuple[Any, ...]]) -> ResolveResult:
    family, _, protocol, _, address = entry
    return ResolveResult(
        hostname=host,
        host=address[0],
        port=address[1],
        family=family,
        proto=protocol,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
