"""Sources that post leads at a steady rate and remember each answer."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

from tests.building.routes import a_lead
from tests.chaos.proxy import LoopThread
from tests.chaos.records import Answered, Lead
from tests.chaos.routes import DEDUPLICATED, NAMES

GIVE_UP_SECONDS = 8.0
"""A source that has no answer by then hangs up."""

_PAUSE_SECONDS = 0.5
_HEAD = "POST /webhooks/leads/{route} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"


def leads(seed: int) -> Iterator[Lead]:
    """Leads without end; the same for the same seed.

    One in ten breaks a rule, one in three carries an Idempotency-Key, one in five of those that are deduplicated is
    of a person that was there before, and their sizes differ by three orders of magnitude.
    """
    chance = random.Random(seed)
    person = "nobody"
    for number in itertools.count():
        mark = f"{seed}-{number}"
        route = chance.choice(NAMES)
        if route != DEDUPLICATED or chance.random() > 0.2:
            person = f"person-{mark}@example.com"
        good = chance.random() > 0.1
        lead = a_lead(
            email=person.upper(),
            address={"zip": "66123" if good else "10115", "street": mark},
            note="ü€😀\\"[: chance.randrange(5)] * 10 ** chance.randrange(4),
        )
        key = str(UUID(int=chance.getrandbits(128))) if chance.random() < 1 / 3 else None
        yield Lead(mark, route, json.dumps(lead, ensure_ascii=False).encode(), key, person, good)


class Load:
    """Posts leads over a number of connections until it is stopped."""

    def __init__(self, loop: LoopThread, port: int, *, seed: int, rate: float, connections: int = 16) -> None:
        """Nothing is posted before `start`.

        Args:
            loop: Where the sources live.
            port: Of the balancer.
            seed: Of the leads.
            rate: New leads a second.
            connections: Sources at the same time; each waits for its answer before it posts the next.
        """
        self.posted: list[Lead] = []
        self._loop = loop
        self._port = port
        self._rate = rate
        self._connections = connections
        self._leads = leads(seed)
        self._due: asyncio.Queue[Lead | None] = asyncio.Queue(maxsize=connections)
        self._stopped = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to post."""
        self._loop.call(self._start())

    def stop(self) -> None:
        """Post no new leads; sources that must be answered 200 go on until they are, for a minute at the most."""
        self._loop.call(self._finish(), seconds=120)

    def wait(self, leads: int, *, seconds: float) -> None:
        """Return once this many leads were posted."""
        deadline = time.monotonic() + seconds
        while len(self.posted) < leads:
            assert time.monotonic() < deadline, f"{len(self.posted)} of {leads} leads were posted in {seconds:g} s"
            time.sleep(0.05)

    async def _start(self) -> None:
        parts = [self._pace(), *(self._source() for _ in range(self._connections))]
        self._tasks = [asyncio.create_task(part) for part in parts]

    async def _finish(self) -> None:
        self._stopped.set()
        await asyncio.wait(self._tasks, timeout=60)
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _pace(self) -> None:
        """Hand out leads at the rate; for up to a second they make up for a time in which all sources were waiting."""
        due = time.monotonic()
        while not self._stopped.is_set():
            await self._due.put(next(self._leads))
            due = max(due + 1 / self._rate, time.monotonic() - 1)
            await asyncio.sleep(max(due - time.monotonic(), 0))
        for _ in range(self._connections):
            await self._due.put(None)

    async def _source(self) -> None:
        connection = _Connection(self._port)
        while (lead := await self._due.get()) is not None:
            self.posted.append(lead)
            await self._post(connection, lead)
        connection.close()

    async def _post(self, connection: _Connection, lead: Lead) -> None:
        while True:
            lead.answers.append(await connection.post(lead))
            if lead.key is None or lead.answers[-1].status == 200:
                return
            await asyncio.sleep(_PAUSE_SECONDS)


class _Connection:
    """A source's connection, made again after each failure."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, lead: Lead) -> Answered:
        """Post once; whatever goes wrong is an answer without status."""
        at, began = time.time(), time.monotonic()
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                status, headers, content = await self._exchange(lead)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            self.close()
            return Answered(at, time.monotonic() - began, None)
        if headers.get("connection") == "close":
            self.close()
        word = content.get("status") if status == 200 else content.get("code")
        return Answered(
            at, time.monotonic() - began, status, content.get("lead_id"), word, retry_after="retry-after" in headers
        )

    async def _exchange(self, lead: Lead) -> tuple[int, dict[str, str], dict[str, Any]]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        key = f"Idempotency-Key: {lead.key}\r\n" if lead.key else ""
        head = f"{_HEAD.format(route=lead.route)}{key}Content-Length: {len(lead.body)}\r\n\r\n"
        writer.write(head.encode() + lead.body)
        start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        return int(start.split()[1]), headers, json.loads(body)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None
