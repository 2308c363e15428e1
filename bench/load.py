"""A light lead source: keeps a number of connections busy and notes how long each answer took.

A process of its own (`python -m bench.load`), on a bare asyncio protocol, so that little of the machine goes to the
measuring. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field
from itertools import count

import uvloop

_HEADERS_END = b"\r\n\r\n"


def lead(number: int, size: int) -> bytes:
    """A lead that passes the sample rules, padded to about `size` bytes."""
    text = (
        f'{{"email":"lead{number:08d}@example.com","phone":"+49681{number:07d}",'
        '"address":{"zip":"66123","street":"Hauptstr. 1"},"house":{"is_owner":true}'
    )
    padding = size - len(text) - len(',"note":""}')
    return (text + (f',"note":"{"x" * padding}"' if padding > 0 else "") + "}").encode()


@dataclass(slots=True)
class Tally:
    """What all connections have seen together."""

    limit: int
    numbers: count[int] = field(default_factory=count)
    sent: int = 0
    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def record(self, status: int, seconds: float) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.seconds.append(seconds)
        if len(self.seconds) == self.limit:
            self.done.set()


class Connection(asyncio.Protocol):
    """Posts one lead after the other, or one whenever `send` is called."""

    def __init__(self, target: Target, tally: Tally, *, closed_loop: bool) -> None:
        self._target = target
        self._tally = tally
        self._closed_loop = closed_loop
        self._buffer = bytearray()
        self._started = 0.0
        self.idle = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        if self._closed_loop:
            self.send()

    def send(self) -> None:
        if self._tally.sent == self._tally.limit:
            return
        self._tally.sent += 1
        body = lead(next(self._tally.numbers) + self._target.first, self._target.size)
        self.idle = False
        self._started = time.perf_counter()
        self._transport.write(self._target.head + b"%d\r\n\r\n" % len(body) + body)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(_HEADERS_END)
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(self._buffer) < end + 4 + length:
            return
        del self._buffer[: end + 4 + length]
        self.idle = True
        self._tally.record(int(head[9:12]), time.perf_counter() - self._started)
        if self._closed_loop:
            self.send()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.idle:
            self._tally.record(0, time.perf_counter() - self._started)


@dataclass(frozen=True, slots=True)
class Target:
    """Where leads are posted and how they look."""

    host: str
    port: int
    path: str
    size: int
    first: int

    @property
    def head(self) -> bytes:
        return (
            f"POST {self.path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()


async def keep_busy(target: Target, *, connections: int, leads: int) -> Tally:
    """Post as fast as the answers come."""
    tally = Tally(limit=leads)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Connection(target, tally, closed_loop=True), target.host, target.port)
    await tally.done.wait()
    return tally


async def keep_steady(target: Target, *, connections: int, leads: int, rate: float) -> Tally:
    """Post at a steady rate, whatever the answers do; a lead waits for a free connection and the wait counts."""
    tally = Tally(limit=leads)
    loop = asyncio.get_running_loop()
    pool = [
        (await loop.create_connection(lambda: Connection(target, tally, closed_loop=False), target.host, target.port))[
            1
        ]
        for _ in range(connections)
    ]
    began = loop.time()
    for number in range(leads):
        await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
        next((connection for connection in pool if connection.idle), pool[number % connections]).send()
    await tally.done.wait()
    return tally


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/webhooks/leads/")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--leads", type=int, required=True)
    parser.add_argument("--first", type=int, default=0, help="number of the first lead: runs must not share leads")
    parser.add_argument("--rate", type=float, help="leads a second; without it as fast as the answers come")
    parser.add_argument("--size", type=int, default=130, help="bytes of a body")
    return parser.parse_args()


def main() -> None:
    options = _arguments()
    target = Target("127.0.0.1", options.port, options.path, options.size, options.first)
    began = time.perf_counter()
    if options.rate:
        work = keep_steady(target, connections=options.connections, leads=options.leads, rate=options.rate)
    else:
        work = keep_busy(target, connections=options.connections, leads=options.leads)
    tally = uvloop.run(work)
    elapsed = time.perf_counter() - began
    ordered = sorted(tally.seconds)
    print(
        json.dumps(
            {
                "seconds": elapsed,
                "posts_per_second": len(ordered) / elapsed,
                "p50_ms": ordered[len(ordered) // 2] * 1000,
                "p99_ms": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000,
                "statuses": tally.statuses,
            }
        )
    )


if __name__ == "__main__":
    main()
