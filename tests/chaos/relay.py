"""Passes TCP connections on; run as a script inside a network namespace, see `namespace`.

Usage: relay.py ADDRESS PORT TARGET_ADDRESS TARGET_PORT
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress


def watch(writer: asyncio.StreamWriter) -> None:
    """Notice a peer that vanished without a word, and as soon as PostgreSQL would notice it.

    PostgreSQL itself is behind a Unix socket here: the settings of `leadgateway.store.engine` would do nothing there.
    """
    connection = writer.get_extra_info("socket")
    if connection.family == socket.AF_UNIX:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000)


async def relay(address: str, port: int, target: str, target_port: int) -> None:
    """Listen, and connect each connection to the target, until the process ends."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        watch(writer)
        with suppress(OSError):
            answers, onward = await asyncio.open_connection(target, target_port)
            watch(onward)
            await asyncio.gather(pipe(reader, onward), pipe(answers, writer))
        writer.transport.abort()

    server = await asyncio.start_server(serve, address, port, backlog=512)
    print("listening", flush=True)
    await server.serve_forever()


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass one direction on to its end."""
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()


if __name__ == "__main__":
    asyncio.run(relay(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
