"""A light customer: takes every delivery, answers after a delay, and counts.

A process of its own (`python -m bench.receiver`) on a bare asyncio protocol. `GET /count` tells how many deliveries
have come and when the last one did, on the clock that all processes of a machine share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import dataclass

import uvloop

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n" + b'{"status":"ok"}'


@dataclass(slots=True)
class Count:
    """What all connections have received together."""

    received: int = 0
    last: float = 0.0


class Connection(asyncio.Protocol):
    """One kept-alive connection of a worker."""

    def __init__(self, counted: Count, delay: float) -> None:
        self._counted = counted
        self._delay = delay
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        if head.startswith(b"get /count "):
            self._buffer.clear()
            self._tell()
            return
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(self._buffer) < end + 4 + length:
            return
        del self._buffer[: end + 4 + length]
        self._counted.received += 1
        self._counted.last = time.monotonic()
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, _OK)
        else:
            self._transport.write(_OK)

    def _tell(self) -> None:
        body = json.dumps({"received": self._counted.received, "last": self._counted.last}).encode()
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def serve(port: int, delay: float) -> None:
    """Receive until ended."""
    counted = Count()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(counted, delay), "127.0.0.1", port)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    options = parser.parse_args()
    uvloop.run(serve(options.port, options.delay))


if __name__ == "__main__":
    main()
