"""A real `leadgateway dev` with everything it starts, on ports of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil
import psycopg2

from leadgateway.dev.child import spawn
from leadgateway.dev.home import Home
from tests.building.waiting import eventually

START_SECONDS = 60.0
FREE_PORTS = (
    "--port=0",
    "--demo-port=0",
    "--webhook-status-port=0",
    "--console-port=0",
    "--console-status-port=0",
    "--worker-status-port=0",
)

SAMPLE = (Path(__file__).parents[2] / "crds" / "samples" / "dev" / "solar-saarland.yaml").read_text()

LEAD = {
    "email": "john.doe@example.com",
    "phone": "0681 123456",
    "address": {"zip": "66123", "street": "Hauptstr. 1"},
    "house": {"is_owner": True},
}


def clean_environment(**variables: str) -> dict[str, str]:
    """This process's environment without what would move or connect the stack, and with `variables`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LEADGATEWAY_", "POSTGRES_")) and name not in {"DATABASE_URL", "REDIS_URL"}
    }
    return kept | {"COLUMNS": "200", "NO_COLOR": "1"} | variables


EXIT_USAGE, EXIT_CANT_START = 2, 3


def run_dev(data: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a stack that is expected not to start."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "leadgateway", "dev", f"--data={data}", *options],
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class DevStack:
    """A stack as a person starts it. Entered, it serves; left, it has been ended with Ctrl-C."""

    def __init__(
        self,
        data: Path,
        *options: str,
        routes: Path | None = None,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Describe the stack.

        Args:
            data: Its data folder.
            options: Further options of the command.
            routes: Its folder of LeadRoutes.
            prefix: A command that runs the command.
            environment: Further variables.
        """
        self.data = data
        chosen = [f"--data={data}", *FREE_PORTS, *([f"--routes={routes}"] if routes else []), *options]
        self._command = [*prefix, sys.executable, "-P", "-m", "leadgateway", "dev", *chosen]
        self._environment = clean_environment(**(environment or {}))
        self._lines: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> Self:
        """Start it without waiting."""
        # Ends with the tests, however they end.
        self._process = spawn(self._command, environment=self._environment, output=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __enter__(self) -> Self:
        self.start()
        self.until_said("Post a lead of your own")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and wait; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(START_SECONDS)
        assert self._reader is not None
        self._reader.join(10)
        return status

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def output(self) -> str:
        """What it has said so far."""
        return "".join(self._lines)

    def until_said(self, text: str, *, times: int = 1) -> None:
        """Wait until it has said something, so many times."""

        def said() -> bool:
            is_running = self.process.poll() is None
            assert is_running or self.output.count(text) >= times, self.output
            return self.output.count(text) >= times

        eventually(said, within=START_SECONDS, what=f"saying {text!r}")

    def url(self, what: str) -> str:
        """The address that it says something is at."""
        found = re.search(rf"{re.escape(what)} +(http://\S+)", self.output)
        assert found, self.output
        return found[1]

    def post(self, lead: Mapping[str, Any] = LEAD) -> int:
        """Post a lead, which must be accepted; returns its id."""
        answer = httpx.post(self.url("post leads to"), json=lead, trust_env=False)
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "accepted"
        return int(answer.json()["lead_id"])

    def received(self) -> list[dict[str, Any]]:
        """What the demo customer lists."""
        listed = httpx.get(self.url("see what the demo customer got"), trust_env=False).json()
        assert isinstance(listed, list)
        return listed

    def status(self, lead_id: int) -> str:
        """Where a lead stands; empty while the database is away."""
        url = Home(self.data).read_environment()["DATABASE_URL"]
        try:
            with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT status FROM lead_state WHERE lead_id = %s", (lead_id,))
                found = cursor.fetchone()
        except psycopg2.OperationalError:
            return ""
        return str(found[0]) if found else ""

    def parts(self) -> dict[str, psutil.Process]:
        """The processes that it started, by what they are."""
        return {_name(child): child for child in psutil.Process(self.process.pid).children()}

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self._lines.extend(line.decode() for line in output)


def _name(process: psutil.Process) -> str:
    try:
        command = process.cmdline()
    except psutil.Error:
        return "gone"
    program = Path(command[0]).name if command else "gone"
    return " ".join(command[3:5]).partition(" --")[0] if program.startswith("python") else program
