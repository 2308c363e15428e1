"""A real process of one of the roles, with everything it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from leadgateway.dev.child import spawn
from tests.building.waiting import eventually

START_SECONDS = 60.0
"""How long a process may take to start; seconds on a machine that has nothing else to do."""


class RoleProcess:
    """`leadgateway ROLE` with a status port of its own. Use as a context manager."""

    def __init__(self, role: str, *options: str, environment: Mapping[str, str], started: str) -> None:
        """Start it and wait until it says so; it may not be ready yet.

        Args:
            role: Which command of `leadgateway`.
            options: Of that command.
            environment: Its variables, beside this process's own that are none of the gateway's.
            started: The name of the line that it logs once it listens.

        Raises:
            AssertionError: It ended at once, or did not start in time; it is gone then.
        """
        variables = {name: value for name, value in os.environ.items() if not name.startswith("LEADGATEWAY_")}
        # It ends with the pytest process, however that ends.
        self._process = spawn(
            [sys.executable, "-m", "leadgateway", role, "--status-port=0", *options],
            environment=variables | {"LEADGATEWAY_CONFIG_POLL_SECONDS": "0.05"} | dict(environment),
            output=subprocess.PIPE,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.started = self._await_start(role, started)
        except BaseException:
            self.kill()
            raise
        self.status = f"http://127.0.0.1:{self.started['status_port']}"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        """Everything it wrote to standard output and standard error so far."""
        return "".join(self._lines)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines it logged under a name."""
        lines = (json.loads(line) for line in list(self._lines) if line.startswith("{"))
        return [line for line in lines if line.get("body") == name]

    def event(self, name: str) -> dict[str, Any] | None:
        """The first line it logged under a name."""
        return next(iter(self.events(name)), None)

    def metrics(self) -> dict[str, float]:
        """Every sample, by its name as it is exposed."""
        lines = httpx.get(f"{self.status}/metrics", trust_env=False).text.splitlines()
        samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it without giving it a chance."""
        self._process.kill()
        self._close()

    def end(self, number: signal.Signals = signal.SIGTERM, *, within: float = 30) -> int:
        """Signal it, wait for its end, and return its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self.wait(within=within)

    def wait(self, *, within: float = 30) -> int:
        """Wait for its end and return its exit code."""
        try:
            return self._process.wait(within)
        finally:
            self.kill()

    def _until(self, path: str, *, what: str) -> None:
        """Wait until a path of the status port answers 200."""
        eventually(
            lambda: httpx.get(f"{self.status}{path}", trust_env=False).status_code == 200,
            within=START_SECONDS,
            what=f"{what}, which says {self.output!r},",
        )

    def _await_start(self, role: str, started: str) -> dict[str, Any]:
        found = eventually(
            lambda: self.event(started) or self._process.poll() is not None,
            within=START_SECONDS,
            what=f"the start of the {role}",
        )
        assert isinstance(found, dict), f"the {role} ended at once:\n{self.output}"
        return found

    def _close(self) -> None:
        self._process.wait()
        self._reader.join(5)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line.decode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
