"""The processes of a measured stack: started, waited for, their CPU read, ended."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

_START_SECONDS = 60.0


@contextmanager
def started(
    name: str, command: list[str], *, log: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process of the stack, with its output in a file, and end it afterwards."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=dict(environment))
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            print(f"{name} had to be killed; see {log}", file=sys.stderr)


@contextmanager
def receiving(delay: float) -> Iterator[int]:
    """Run a receiver and give its port."""
    command = [sys.executable, "-m", "bench.receiver", "--delay", str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(json.loads(process.stdout.readline())["port"])
        finally:
            process.terminate()


def await_ready(status_port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a process says at its status port that it is ready."""
    url = f"http://127.0.0.1:{status_port}/readyz"
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"no answer from {url}; the end of {log}:\n{log.read_text()[-2000:]}")


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


def resident_mebibytes(pid: int) -> float:
    """Resident memory of one process."""
    return float(psutil.Process(pid).memory_info().rss) / 2**20
