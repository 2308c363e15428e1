"""A light customer: takes every delivery, answers after a delay, and notes when each lead came for the first time.

A process of its own (`python -m bench.receiver`) on a bare asyncio protocol. `GET /count` tells how many leads have
come, how many deliveries that were, and when the last one came; `GET /arrivals` when each lead did, by its number.
Times are on the clock that all processes of a machine share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field

import uvloop

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n" + b'{"status":"ok"}'
_NUMBER = b"lead"
_DIGITS = 8


@dataclass(slots=True)
class Arrivals:
    """What all connections have received together."""

    deliveries: int = 0
    last: float = 0.0
    first_at: dict[int, float] = field(default_factory=dict)

    def note(self, body: bytes) -> None:
        """Note a delivery; its number follows the word `lead` in the e-mail address (see `bench.load.lead`)."""
        self.deliveries += 1
        self.last = time.monotonic()
        start = body.index(_NUMBER) + len(_NUMBER)
        self.first_at.setdefault(int(body[start : start + _DIGITS]), self.last)

    def counts(self) -> dict[str, float]:
        return {"leads": len(self.first_at), "deliveries": self.deliveries, "last": self.last}


class Connection(asyncio.Protocol):
    """One kept-alive connection of a worker."""

    def __init__(self, arrivals: Arrivals, delay: float) -> None:
        self._arrivals = arrivals
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
        if head.startswith(b"get "):
            self._buffer.clear()
            self._tell(self._arrivals.counts() if head.startswith(b"get /count ") else self._arrivals.first_at)
            return
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(self._buffer) < end + 4 + length:
            return
        self._arrivals.note(bytes(self._buffer[end + 4 : end + 4 + length]))
        del self._buffer[: end + 4 + length]
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, _OK)
        else:
            self._transport.write(_OK)

    def _tell(self, told: object) -> None:
        body = json.dumps(told).encode()
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def serve(port: int, delay: float) -> None:
    """Receive until ended."""
    arrivals = Arrivals()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(arrivals, delay), "127.0.0.1", port)
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
