"""Reading a post's body: never more of it than allowed, and never more of all bodies together than fits."""

from __future__ import annotations

from typing import Self

from starlette.types import Receive

from leadgateway_webhook.errors import BodyTooLarge, Overloaded


class ClientGone(Exception):
    """The source closed the connection before its post was whole; there is nobody to answer."""


class MemoryBudget:
    """How many bytes of bodies this process holds, from their arrival to their answer."""

    def __init__(self, limit: int) -> None:
        """Hold at most `limit` bytes at a time."""
        self._limit = limit
        self.used = 0

    def take(self, size: int) -> None:
        """Count `size` bytes more.

        Raises:
            Overloaded: They don't fit.
        """
        if self.used + size > self._limit:
            raise Overloaded
        self.used += size

    def give_back(self, size: int) -> None:
        """Count `size` bytes less."""
        self.used -= size


class Share:
    """One post's part of a budget: grows with its body, and is given back when the post has been answered."""

    __slots__ = ("_budget", "size")

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._budget.give_back(self.size)

    def grow(self, size: int) -> None:
        """Take `size` bytes more.

        Raises:
            Overloaded: They don't fit.
        """
        self._budget.take(size)
        self.size += size


async def read_body(receive: Receive, *, limit: int, share: Share) -> bytes:
    """Receive the whole body.

    Args:
        receive: The ASGI channel.
        limit: Most bytes; Content-Length may be absent or wrong, so they are counted as they come.
        share: What the bytes are counted against.

    Raises:
        BodyTooLarge: It is longer than `limit`.
        ClientGone: The connection ended first.
        Overloaded: All bodies together have become too much.
    """
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        if share.size + len(chunk) > limit:
            raise BodyTooLarge(limit)
        share.grow(len(chunk))
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
