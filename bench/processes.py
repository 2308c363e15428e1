"""The processes of a measured system: started, waited for, their CPU and memory read, ended."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

_START_SECONDS = 120.0
_END_SECONDS = 40.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(
    command: list[str], *, log: Path, environment: Mapping[str, str], folder: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process of the system, with its output in a file, and end it afterwards."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=dict(environment), cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            print(f"{command[:4]} had to be killed; see {log}", file=sys.stderr)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a receiver has got: different leads, deliveries in all, and when the last one came (monotonic)."""

    leads: int
    deliveries: int
    last: float


@dataclass(frozen=True, slots=True)
class Receiver:
    """A running `bench.receiver`."""

    port: int
    pid: int

    def counts(self) -> Counts:
        told = self._get("count")
        return Counts(leads=int(told["leads"]), deliveries=int(told["deliveries"]), last=told["last"])

    def arrivals(self) -> dict[int, float]:
        """When each lead came for the first time (monotonic), by its number."""
        return {int(number): at for number, at in self._get("arrivals").items()}

    def _get(self, page: str) -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{page}", timeout=60) as answer:
            return dict(json.load(answer))


@contextmanager
def receiving(delay: float) -> Iterator[Receiver]:
    """Run a receiver that answers after `delay` seconds."""
    command = [sys.executable, "-m", "bench.receiver", "--delay", str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield Receiver(int(json.loads(process.stdout.readline())["port"]), process.pid)
        finally:
            process.terminate()


def answers(url: str) -> bool:
    """Whether an HTTP server says 2xx there."""
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except OSError:
        return False


def await_ready(is_ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a process serves."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if is_ready():
            return
        time.sleep(0.05)
    sys.exit(f"{process.args!r} does not get ready; the end of {log}:\n{log.read_text()[-2000:]}")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of all its children, ended ones included."""
    root = psutil.Process(pid)
    own = root.cpu_times()
    total = float(own.user + own.system + own.children_user + own.children_system)
    for child in root.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB of a process and all its children: resident, and with what several share counted once (PSS)."""

    resident: float
    proportional: float


def memory(pid: int) -> Memory:
    resident = proportional = 0.0
    root = psutil.Process(pid)
    for process in (root, *root.children(recursive=True)):
        try:
            told = process.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        resident += told.rss / 2**20
        proportional += told.pss / 2**20
    return Memory(resident, proportional)
