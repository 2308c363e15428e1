"""A customer's API for tests: a real HTTP server in a thread that answers as it is told and remembers what came.

with Customer() as customer:
    customer.answer_next(Answer(500), Drop())
    customer.answer_always(Answer(200))
    ... customer.url ... customer.received ...
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TLS_FOLDER = Path(__file__).parent / "tls"
"""A test authority (`authority.pem`) and certificates with their keys that it signed; good for nothing else."""

_TLS_HANDSHAKE = b"\x16"


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came.

    Attributes:
        connection: Number of the connection it came over.
        at: `time.monotonic()` when it had come whole.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    """By name in lower case."""
    raw_headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def idempotency_key(self) -> str:
        return self.headers["idempotency-key"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer, `after` some seconds; `close` ends the connection after it."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    after: float = 0.0
    close: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer, ever; the connection stays open."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection is closed after these bytes of an answer (none by default)."""

    after: bytes = b""


@dataclass(frozen=True, slots=True)
class Drip:
    """`head` at once, then a byte every `interval` seconds, without end."""

    head: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    interval: float = 0.05


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that need not be HTTP; the connection stays open."""

    data: bytes


Behaviour = Answer | Silence | Drop | Drip | Raw


class Customer:
    """The server; entered, it listens on 127.0.0.1 and a free port."""

    def __init__(self, *, certificate: str | None = None) -> None:
        """Make a server that answers 200.

        Args:
            certificate: Name of a certificate in `TLS_FOLDER`, for https.
        """
        self._tls = None if certificate is None else _server_tls(certificate)
        self._next: deque[Behaviour] = deque()
        self._decide: Callable[[Received], Behaviour] = lambda _: Answer()
        self._changed = threading.Condition()
        self._received: list[Received] = []
        self._connections = 0
        self._open = 0
        self._most_open = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="customer", daemon=True)
        self._tasks: set[asyncio.Task[Any]] = set()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}/lead/receive"

    @property
    def received(self) -> list[Received]:
        with self._changed:
            return list(self._received)

    @property
    def connections(self) -> int:
        """How many connections were made so far."""
        return self._connections

    @property
    def most_at_once(self) -> int:
        """The most requests that were being answered at the same time."""
        return self._most_open

    def answer_next(self, *behaviours: Behaviour) -> None:
        """Answer the next requests in this order, and those after them as before."""
        self._next.extend(behaviours)

    def answer_always(self, behaviour: Behaviour) -> None:
        self._decide = lambda _: behaviour

    def answer_by(self, decide: Callable[[Received], Behaviour]) -> None:
        """Let a function say how to answer each request."""
        self._decide = decide

    def wait_for(self, number: int, *, seconds: float = 20.0) -> list[Received]:
        """Wait until this many requests have come."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._received) >= number, seconds):
                raise AssertionError(f"{len(self._received)} of {number} requests came within {seconds:g} s")
            return list(self._received)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._connections += 1
        try:
            await self._converse(reader, writer, self._connections)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass  # the gateway hung up, or the test is over
        else:
            await _end(writer)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        while True:
            first = await reader.readexactly(1)
            if first == _TLS_HANDSHAKE:  # a TLS client at a plain port is told so in plain HTTP, as real servers do
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
            request = await _read(first, reader, connection)
            with self._changed:
                self._received.append(request)
                self._changed.notify_all()
            self._open += 1
            self._most_open = max(self._most_open, self._open)
            try:
                goes_on = await _behave(self._behaviour(request), reader, writer)
            finally:
                self._open -= 1
            if not goes_on:
                return

    def _behaviour(self, request: Received) -> Behaviour:
        return self._next.popleft() if self._next else self._decide(request)


async def _end(writer: asyncio.StreamWriter) -> None:
    """Close the connection after what was written has gone out."""
    with suppress(ConnectionError, ssl.SSLError):
        writer.close()
        await writer.wait_closed()


def _server_tls(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS_FOLDER / f"{certificate}.pem")
    return context


async def _read(first: bytes, reader: asyncio.StreamReader, connection: int) -> Received:
    head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    start, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, _ = start.split(" ", 2)
    raw = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    headers = {name.lower(): value for name, value in raw}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, raw, body, connection, time.monotonic())


async def _behave(behaviour: Behaviour, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; tell whether the connection goes on."""
    match behaviour:
        case Answer(after=after):
            if after:
                await asyncio.sleep(after)
            writer.write(_encode(behaviour))
            await writer.drain()
            return not behaviour.close
        case Silence():
            await reader.read()
        case Drop(after=data):
            writer.write(data)
        case Raw(data=data):
            writer.write(data)
            await reader.read()
        case Drip(head=head, interval=interval):
            writer.write(head)
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(interval)
    return False


def _encode(answer: Answer) -> bytes:
    headers = {"Content-Type": "application/json", "Content-Length": str(len(answer.body))}
    if answer.close:
        headers["Connection"] = "close"
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers | dict(answer.headers)).items())
    return f"HTTP/1.1 {answer.status} Whatever\r\n{lines}\r\n".encode("latin-1") + answer.body
