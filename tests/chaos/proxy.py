"""A TCP proxy that can misbehave: before the webhooks it is the balancer, before PostgreSQL and Valkey the network."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any, Self, TypeVar

from tests.chaos.relay import watch

Address = tuple[str, int] | str
"""Host and port, or the path of a Unix socket."""
Found = TypeVar("Found")

_CHUNK_BYTES = 65536


class LoopThread:
    """An event loop in a thread, for all that the harness does at the same time."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="chaos", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.call(self._cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    def call(self, action: Coroutine[Any, Any, Found], *, seconds: float = 30.0) -> Found:
        """Run a coroutine there and wait for what it brings; from another thread."""
        return asyncio.run_coroutine_threadsafe(action, self.loop).result(seconds)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    @staticmethod
    async def _cancel_all() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Weather(Enum):
    """How the network is."""

    FAIR = "forwards everything at once"
    CUT = "ends every connection, new ones too"
    SILENT = "keeps connections and takes new ones, but forwards nothing"
    HALF_OPEN = "forwards what clients say, but not what they are answered"
    SLOW = "forwards everything late"


class Proxy:
    """Forwards connections from a port of its own to whichever target takes them, in turn."""

    def __init__(
        self, loop: LoopThread, targets: Callable[[], Sequence[Address]], *, address: str = "127.0.0.1"
    ) -> None:
        """Listen at once.

        Args:
            loop: Where it runs.
            targets: Where connections may go at this moment; asked for each one.
            address: Where it listens.
        """
        self._loop = loop
        self._targets = targets
        self._turn = 0
        self._weather = Weather.FAIR
        self._lag = 0.0
        self._clear = asyncio.Event()
        self._clear.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server = loop.call(asyncio.start_server(self._serve, address, 0, backlog=512))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def turn(self, weather: Weather, *, lag: float = 0.0) -> None:
        """Change the weather; from another thread.

        Args:
            weather: From now on.
            lag: Seconds that each piece is late when it is slow.
        """
        self._loop.call(self._turn_to(weather, lag))

    def close(self) -> None:
        """End everything."""
        self._loop.call(self._close())

    async def _turn_to(self, weather: Weather, lag: float) -> None:
        self._weather, self._lag = weather, lag
        if weather is Weather.CUT:
            self._abort()
        if weather in {Weather.SILENT, Weather.HALF_OPEN}:
            self._clear.clear()
        else:
            self._clear.set()

    async def _close(self) -> None:
        self._server.close()
        self._abort()

    def _abort(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        watch(writer)
        try:
            if self._weather is Weather.SILENT:
                await self._clear.wait()
            if self._weather is not Weather.CUT:
                await self._forward(reader, writer)
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = await self._connect()
        if target is None:
            return
        answers, onward = target
        self._writers.add(onward)
        try:
            there = asyncio.create_task(self._pipe(reader, onward, holding=Weather.SILENT))
            back = asyncio.create_task(self._pipe(answers, writer, holding=Weather.HALF_OPEN))
            await asyncio.gather(there, back)
        finally:
            self._writers.discard(onward)
            onward.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        targets = list(self._targets())
        self._turn += 1
        for number in range(len(targets)):
            target = targets[(self._turn + number) % len(targets)]
            with suppress(OSError):
                if isinstance(target, str):
                    return await asyncio.open_unix_connection(target)
                return await asyncio.open_connection(*target)
        return None

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, holding: Weather) -> None:
        """Forward one direction to its end; `holding` is the weather that stops it, besides silence."""
        with suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                if self._lag:
                    await asyncio.sleep(self._lag)
                while self._weather in {Weather.SILENT, holding}:
                    await self._clear.wait()
                writer.write(data)
                await writer.drain()
        # One side has said its last word; the other may still be speaking, but no protocol here does that.
        with suppress(OSError):
            writer.close()
