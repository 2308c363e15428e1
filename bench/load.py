"""A light lead source: keeps connections busy, or posts at a steady rate, and notes how long each answer took.

A process of its own (`python -m bench.load`), on a bare asyncio protocol, so that little of the machine goes to the
measuring. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import uvloop

_HEADERS_END = b"\r\n\r\n"
_OK = 200
_SHED = (429, 503)


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
    numbers: count[int]
    sent: int = 0
    seconds: list[float] = field(default_factory=list)
    answered_at: dict[int, float] = field(default_factory=dict)
    accepted_seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    refused_without_retry_after: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def record(self, number: int, status: int, began: float) -> None:
        now = time.monotonic()
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.answered_at[number] = now
        self.seconds.append(now - began)
        if status == _OK:
            self.accepted_seconds.append(now - began)
        if len(self.seconds) == self.limit:
            self.done.set()


class Connection(asyncio.Protocol):
    """Posts one lead whenever `send` is called; `free` is called when there is no answer to wait for."""

    def __init__(self, target: Target, tally: Tally, *, free: Callable[[Connection], None]) -> None:
        self._target = target
        self._tally = tally
        self._free = free
        self._buffer = bytearray()
        self._began = 0.0
        self._number = 0
        self._idle = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self._free(self)

    def send(self, due: float | None = None) -> None:
        """Post the next lead.

        Args:
            due: When it should have been posted, if the connection was not free then: the wait counts.
        """
        if self._tally.sent == self._tally.limit:
            return
        self._tally.sent += 1
        self._number = next(self._tally.numbers)
        body = lead(self._number, self._target.size)
        self._idle = False
        self._began = due or time.monotonic()
        self._transport.write(self._target.head(self._number) + b"%d\r\n\r\n" % len(body) + body)

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
        self._idle = True
        status = int(head[9:12])
        if status in _SHED and b"\r\nretry-after:" not in head:
            self._tally.refused_without_retry_after += 1
        self._tally.record(self._number, status, self._began)
        self._free(self)

    def connection_lost(self, _: Exception | None) -> None:
        if not self._idle:
            self._tally.record(self._number, 0, self._began)


class Target:
    """Where leads are posted and how large they are: lead after lead to the next of the paths."""

    def __init__(self, port: int, paths: Sequence[str], *, size: int) -> None:
        self.host, self.port, self.size = "127.0.0.1", port, size
        self._heads = [
            (
                f"POST {path} HTTP/1.1\r\nHost: {self.host}:{port}\r\n"
                "Content-Type: application/json\r\nContent-Length: "
            ).encode()
            for path in paths
        ]

    def head(self, number: int) -> bytes:
        return self._heads[number % len(self._heads)]


async def keep_busy(target: Target, tally: Tally, *, connections: int) -> None:
    """Post as fast as the answers come."""
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Connection(target, tally, free=Connection.send), target.host, target.port)
    await tally.done.wait()


async def keep_steady(target: Target, tally: Tally, *, connections: int, rate: float) -> None:
    """Post at a steady rate, whatever the answers do; a lead that waits for a free connection has that wait counted."""
    loop = asyncio.get_running_loop()
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(connections):
        await loop.create_connection(lambda: Connection(target, tally, free=idle.put_nowait), target.host, target.port)
    began = time.monotonic()
    for number in range(tally.limit):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        had_to_wait = idle.empty()
        connection = await idle.get()
        connection.send(due if had_to_wait else None)
    await tally.done.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--paths", required=True, help="a file with the paths to post to in turn, one a line")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--leads", type=int, required=True)
    parser.add_argument("--first", type=int, default=0, help="number of the first lead: runs must not share leads")
    parser.add_argument("--rate", type=float, help="leads a second; without it as fast as the answers come")
    parser.add_argument("--size", type=int, default=130, help="bytes of a body")
    parser.add_argument("--answers", type=Path, help="file for when each lead was answered, by its number (monotonic)")
    return parser.parse_args()


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the ordered ones do not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def main() -> None:
    options = _arguments()
    target = Target(options.port, Path(options.paths).read_text().split(), size=options.size)
    tally = Tally(limit=options.leads, numbers=count(options.first))
    began, used = time.monotonic(), time.process_time()
    if options.rate:
        uvloop.run(keep_steady(target, tally, connections=options.connections, rate=options.rate))
    else:
        uvloop.run(keep_busy(target, tally, connections=options.connections))
    elapsed = time.monotonic() - began
    if options.answers:
        options.answers.write_text(json.dumps(tally.answered_at))
    ordered, accepted = sorted(tally.seconds), sorted(tally.accepted_seconds)
    print(
        json.dumps(
            {
                "began": began,
                "seconds": elapsed,
                "cpu_seconds": time.process_time() - used,
                "posts_per_second": len(ordered) / elapsed,
                "p50_ms": percentile(ordered, 0.5) * 1000,
                "p99_ms": percentile(ordered, 0.99) * 1000,
                "max_ms": ordered[-1] * 1000,
                "accepted_p50_ms": percentile(accepted, 0.5) * 1000 if accepted else None,
                "accepted_p99_ms": percentile(accepted, 0.99) * 1000 if accepted else None,
                "refused_without_retry_after": tally.refused_without_retry_after,
                "statuses": tally.statuses,
            }
        )
    )


if __name__ == "__main__":
    main()
