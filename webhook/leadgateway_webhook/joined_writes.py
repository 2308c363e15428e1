"""One system call an answer: uvicorn writes its head and its body apart, and a loop sends each at once."""

from __future__ import annotations

import asyncio


class JoinedWrites:
    """A transport that sends what is written to it in one turn of the loop together; the rest is the real one's.

    A packet each for head and body took the kernel twice the work, and woke the source twice.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Write to `transport`, whose loop is `loop`."""
        self._transport = transport
        self._loop = loop
        self._unsent: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send, at the end of this turn of the loop."""
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(data)

    def close(self) -> None:
        """Send what was written, and close."""
        self._send()
        self._transport.close()

    def __getattr__(self, name: str) -> object:
        """Whatever else a transport can do."""
        return getattr(self._transport, name)

    def _send(self) -> None:
        data, self._unsent = b"".join(self._unsent), []
        if data and not self._transport.is_closing():
            self._transport.write(data)
