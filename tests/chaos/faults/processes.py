"""Processes of the gateway that die, stand still or are replaced."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import redis

from tests.chaos.faults.fault import Fault
from tests.chaos.processes import GatewayProcess
from tests.chaos.stack import Stack

_LOCK = "rq:scheduler-lock:lead-gateway-wakeups"
"""Names the scheduler that holds it, whose entry names its process."""


@contextmanager
def killed(process: GatewayProcess) -> Iterator[None]:
    """SIGKILL; started again at the end."""
    process.kill()
    yield
    process.start()


@contextmanager
def stopped(process: GatewayProcess) -> Iterator[None]:
    """SIGSTOP, and SIGCONT at the end: a worker whose leases ran out wakes up and believes that it holds them."""
    process.send(signal.SIGSTOP)
    yield
    process.send(signal.SIGCONT)


@contextmanager
def replaced(process: GatewayProcess) -> Iterator[None]:
    """SIGTERM, as an upgrade does it, and started again once it has ended."""
    process.send(signal.SIGTERM)
    yield
    process.end()
    process.start()


@contextmanager
def scheduler_killed(stack: Stack) -> Iterator[None]:
    """SIGKILL for the worker whose RQ scheduler holds the lock, so that scheduled wake-ups stand still."""
    with redis.Redis.from_url(stack.valkey.url) as client:
        name = client.get(_LOCK)
        pid = None if name is None else client.hget(b"rq:scheduler:" + name, "pid")
    holders = [worker for worker in stack.workers if str(worker.pid).encode() == pid]
    with ExitStack() as killing:
        for worker in holders:
            killing.enter_context(killed(worker))
        yield


def _of(
    role: str, number: int, action: Callable[[GatewayProcess], AbstractContextManager[None]]
) -> Callable[[Stack], AbstractContextManager[None]]:
    return lambda stack: action((stack.webhooks if role == "webhook" else stack.workers)[number])


def _faults() -> Iterator[Fault]:
    for role in ("webhook", "worker"):
        for number in (0, 1):
            resource = f"{role}-{number}"
            yield Fault(f"{role} killed", "processes", resource, (0.2, 5), _of(role, number, killed))
            yield Fault(f"{role} stopped", "processes", resource, (1, 20), _of(role, number, stopped))
            yield Fault(f"{role} replaced", "processes", resource, (0.5, 3), _of(role, number, replaced))


FAULTS = (
    *_faults(),
    # Whichever worker runs it, by Valkey's word.
    Fault("RQ scheduler killed", "processes", "worker-0", (0.2, 5), scheduler_killed, besides=("worker-1", "valkey")),
)
