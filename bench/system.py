"""What a measured system looks like to the measuring: posts go in at a port, leads come out at a receiver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from bench.processes import Memory, Receiver, cpu_seconds, memory

WEBHOOK, WORKER, POSTGRESQL, VALKEY = "webhook", "worker", "PostgreSQL", "Valkey"


class System(Protocol):
    """Its databases and whatever takes posts run; what delivers runs within `working`."""

    @property
    def folder(self) -> Path:
        """Where its data and logs are."""

    @property
    def port(self) -> int:
        """Where leads are posted."""

    @property
    def paths(self) -> Sequence[str]:
        """The paths that they are posted to, in turn."""

    @property
    def receiver(self) -> Receiver:
        """The customer, or all that answer together."""

    @property
    def dead_path(self) -> str | None:
        """Where the leads of a customer are posted that never answers, if there is one."""

    @property
    def dead_route(self) -> str | None:
        """The route of its leads, as the tables have it."""

    @property
    def pids(self) -> Mapping[str, Sequence[int]]:
        """The first process of each running part, by the names above."""

    @property
    def database_url(self) -> str:
        """Of the owner of its tables."""

    @property
    def valkey_url(self) -> str:
        """Of its broker."""

    def working(self) -> AbstractContextManager[None]:
        """Deliver meanwhile; returns when ready to."""

    def await_rest(self) -> None:
        """Wait for what is done with leads after they were delivered: it belongs to what they cost."""


def cpu(system: System) -> dict[str, float]:
    """CPU seconds used so far, by part."""
    return {part: sum(map(cpu_seconds, pids)) for part, pids in system.pids.items()}


def memory_of(system: System, *parts: str) -> Memory:
    """MiB of these parts together."""
    each = [memory(pid) for part in parts for pid in system.pids.get(part, ())]
    return Memory(sum(one.resident for one in each), sum(one.proportional for one in each))
