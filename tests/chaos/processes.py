"""One process of the gateway that may be killed, stopped and started again, with a log for each of its lives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from leadgateway.dev.child import end, spawn
from tests.building.waiting import eventually
from tests.chaos.records import Episode, Footprint

PRODUCT = (sys.executable, "-m", "leadgateway")
"""How the gateway's commands are started; a test puts a process with a deliberate defect in its place."""

_STARTED = {"webhook": "webhook.listening", "worker": "worker.started"}


class GatewayProcess:
    """`leadgateway webhook` or `leadgateway worker`. Start it from the main thread, see `leadgateway.dev.child`."""

    def __init__(
        self, role: str, *, name: str, folder: Path, environment: Mapping[str, str], entry: Sequence[str] = PRODUCT
    ) -> None:
        """Nothing runs before `start`.

        Args:
            role: `webhook` or `worker`.
            name: What the harness calls it.
            folder: For its logs.
            environment: All of its variables but those that every process has.
            entry: The program that takes the role as its argument.
        """
        self.name = name
        self._role = role
        self._folder = folder
        self._environment = dict(environment)
        self._entry = tuple(entry)
        self._process: subprocess.Popen[bytes] | None = None
        self._lives = 0
        self._begun: list[float] = []
        self._ports: Mapping[str, int] | None = None

    def start(self) -> None:
        """Start it, unless it runs; it may not be ready when this returns."""
        if self.running:
            return
        self._lives += 1
        self._begun.append(time.time())
        self._ports = None
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEADGATEWAY_")}
        ports = ["--status-port=0", *(["--port=0"] if self._role == "webhook" else [])]
        with self.log.open("ab") as output:
            self._process = spawn(
                [*self._entry, self._role, *ports], environment=inherited | self._environment, output=output
            )

    def until_ready(self, *, seconds: float = 180.0) -> None:
        """Return once it says that it is ready."""
        eventually(self.is_ready, within=seconds, what=f"readiness of {self.name} (log: {self.log})")

    def is_ready(self) -> bool:
        """Whether it serves."""
        if self.ports is None:
            return False
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['status_port']}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def end(self) -> None:
        """End it in an orderly way."""
        if self._process is not None:
            self.send(signal.SIGCONT)
            end(self._process, grace=40)

    @property
    def log(self) -> Path:
        """The log of this life."""
        return self._log_of(self._lives)

    def _log_of(self, life: int) -> Path:
        return self._folder / f"{self.name}-{life}.log"

    def starts(self) -> list[Episode]:
        """From when to when it was starting, in each of its lives but the first; on a busy machine that takes long."""
        return [
            Episode(f"{self._role} starting", "processes", begun, self._serving_since(life) or time.time())
            for life, begun in enumerate(self._begun, start=1)
            if life > 1
        ]

    def _serving_since(self, life: int) -> float | None:
        event = self._started_event(self._log_of(life))
        return None if event is None else datetime.fromisoformat(event["timestamp"]).timestamp()

    @property
    def pid(self) -> int | None:
        """Its process id; None before the first start."""
        return None if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def port(self) -> int | None:
        """Where a webhook takes posts; None while it does not."""
        return self.ports["port"] if self.running and self.ports is not None else None

    @property
    def ports(self) -> Mapping[str, int] | None:
        """The ports that it said it listens on."""
        if self._ports is None:
            self._ports = self._told_ports()
        return self._ports

    def _told_ports(self) -> Mapping[str, int] | None:
        event = self._started_event(self.log)
        return None if event is None else {name: event[name] for name in ("port", "status_port") if name in event}

    def _started_event(self, log: Path) -> dict[str, Any] | None:
        for line in log.read_bytes().splitlines() if log.exists() else []:
            if line.startswith(b"{") and line.endswith(b"}"):
                event: dict[str, Any] = json.loads(line)
                if event.get("body") == _STARTED[self._role]:
                    return event
        return None

    def footprint(self) -> Footprint:
        """What it holds now."""
        assert self._process is not None
        process = psutil.Process(self._process.pid)
        with process.oneshot():
            return Footprint(
                self.name, process.pid, process.num_fds(), process.num_threads(), process.memory_info().rss
            )
