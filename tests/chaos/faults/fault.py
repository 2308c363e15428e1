"""What a fault is: something that is the matter for a while, and whom it concerns."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.chaos.stack import Stack, StackSettings


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        kind: What the table calls it.
        family: Of the module it is in.
        resource: What it is done to; only one fault at a time is done to the same.
        seconds: The shortest and the longest time it lasts.
        during: Does it while it is entered, in the main thread. Leaving mends everything.
        once: Whether it may happen only once in the life of a stack.
        besides: Other resources that it needs as they are: nothing is done to them meanwhile.
        needs: A part of the stack that it needs: the name of a setting, or nothing.
    """

    kind: str
    family: str
    resource: str
    seconds: tuple[float, float]
    during: Callable[[Stack], AbstractContextManager[None]]
    once: bool = False
    besides: tuple[str, ...] = ()
    needs: str = ""

    @property
    def resources(self) -> tuple[str, ...]:
        """All that only one fault at a time may concern."""
        return (self.resource, *self.besides)

    def is_possible(self, settings: StackSettings) -> bool:
        """Whether a stack with these settings has what it needs."""
        return not self.needs or bool(getattr(settings, self.needs))
