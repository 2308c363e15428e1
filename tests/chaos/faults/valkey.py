"""Valkey dead, forgetful, full or silent: nobody but the clock may notice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests.building.waiting import eventually
from tests.chaos.faults.fault import Fault
from tests.chaos.stack import Stack


def _client(stack: Stack) -> redis.Redis:
    return redis.Redis.from_url(stack.valkey.url)


def _kill(stack: Stack) -> None:
    os.kill(stack.valkey.pid, signal.SIGKILL)
    eventually(lambda: not stack.valkey.running, what="the end of Valkey")


@contextmanager
def killed_with_data(stack: Stack) -> Iterator[None]:
    """Back with what it held at its end."""
    with _client(stack) as client:
        client.save()
    _kill(stack)
    yield
    stack.valkey.start()


@contextmanager
def killed_without_data(stack: Stack) -> Iterator[None]:
    """Back empty."""
    _kill(stack)
    (stack.valkey.folder / "dump.rdb").unlink(missing_ok=True)
    yield
    stack.valkey.start()


@contextmanager
def flushed(stack: Stack) -> Iterator[None]:
    """FLUSHALL."""
    with _client(stack) as client:
        client.flushall()
    yield


@contextmanager
def full(stack: Stack) -> Iterator[None]:
    """At its `maxmemory` with `noeviction`: every write is refused."""
    with _client(stack) as client:
        client.config_set("maxmemory", 1)
        yield
        client.config_set("maxmemory", 0)


@contextmanager
def stopped(stack: Stack) -> Iterator[None]:
    """There, and silent."""
    os.kill(stack.valkey.pid, signal.SIGSTOP)
    yield
    os.kill(stack.valkey.pid, signal.SIGCONT)


FAULTS = (
    Fault("Valkey killed, with its data", "valkey", "valkey", (0.5, 10), killed_with_data),
    Fault("Valkey killed, without its data", "valkey", "valkey", (0.5, 60), killed_without_data),
    Fault("Valkey flushed", "valkey", "valkey", (0.1, 0.1), flushed),
    Fault("Valkey out of memory", "valkey", "valkey", (2, 20), full),
    Fault("Valkey stopped", "valkey", "valkey", (2, 20), stopped),
)
