"""Deliveries begin a few at a time, so that a burst opens few connections to a customer who answers at once.

Begun all together, each would open a connection of its own before the first has its answer: hundreds of them, at 26 KiB
each here (measured, without TLS), where later ones can take those of the first.
"""

from __future__ import annotations

import asyncio
from collections import deque

# 8,000 a second, more than a worker can deliver: a customer who takes his time has all his slots in use 32 ms later.
_AT_A_TURN = 8
_TURN_SECONDS = 0.001


class Turns:
    """Lets a few begin at each turn, in the order they came. Belongs to one event loop."""

    def __init__(self, *, at_a_turn: int = _AT_A_TURN, seconds: float = _TURN_SECONDS) -> None:
        """Begin with a turn that nobody has taken yet.

        Args:
            at_a_turn: How many may begin together.
            seconds: The least time between two turns; while the loop is busy they are further apart.
        """
        self._at_a_turn = at_a_turn
        self._seconds = seconds
        self._left = at_a_turn
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._next: asyncio.TimerHandle | None = None

    async def take(self) -> None:
        """Wait until one more may begin."""
        loop = asyncio.get_running_loop()
        if self._next is None:
            self._next = loop.call_later(self._seconds, self._begin)
        if self._left:
            self._left -= 1
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _begin(self) -> None:
        self._next = None
        self._left = self._at_a_turn
        while self._waiting and self._left:
            turn = self._waiting.popleft()
            if not turn.done():  # whoever was cancelled takes no part of it
                turn.set_result(None)
                self._left -= 1
        if self._left < self._at_a_turn:
            self._next = asyncio.get_running_loop().call_later(self._seconds, self._begin)
