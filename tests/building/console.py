"""A real console process and somebody who uses it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from leadgateway.dev.child import spawn
from tests.building.waiting import eventually

PASSWORD = "correct horse battery"
VIEWER_PASSWORD = "only for looking at"
TOKEN = "a-token-for-operators-1"
VIEWER_TOKEN = "a-token-for-viewers-12"
LOCKED = {
    "LEADGATEWAY_CONSOLE_PASSWORD": PASSWORD,
    "LEADGATEWAY_CONSOLE_VIEWER_PASSWORD": VIEWER_PASSWORD,
    "LEADGATEWAY_CONSOLE_TOKEN": TOKEN,
    "LEADGATEWAY_CONSOLE_VIEWER_TOKEN": VIEWER_TOKEN,
}
"""Settings of a console that asks who somebody is."""

START_SECONDS = 60.0


class ConsoleProcess:
    """`leadgateway console` on ports of its own, with everything it says. Use as a context manager."""

    def __init__(self, routes: Path, *, database: str, **environment: str) -> None:
        """Start it; it may not be ready yet, see `until_ready`.

        Args:
            routes: Folder with the published routes.
            database: Where PostgreSQL is.
            environment: Further variables.
        """
        variables = {name: value for name, value in os.environ.items() if not name.startswith("LEADGATEWAY_")}
        variables |= {"DATABASE_URL": database, "LEADGATEWAY_CONFIG_POLL_SECONDS": "0.05"}
        self._process = spawn(
            [sys.executable, "-m", "leadgateway", "console", "--port=0", "--status-port=0", f"--config-dir={routes}"],
            environment=variables | environment,
            output=subprocess.PIPE,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        started = eventually(
            lambda: self.event("console.listening") or self._process.poll() is not None, within=START_SECONDS
        )
        assert isinstance(started, dict), f"the console ended at once:\n{self.output}"
        self.port = int(started["port"])
        self.url = f"http://127.0.0.1:{self.port}"
        self.status = f"http://127.0.0.1:{started['status_port']}"

    def until_ready(self) -> Self:
        """Return once it says that it is ready."""
        eventually(
            lambda: httpx.get(f"{self.status}/readyz", trust_env=False).status_code == 200,
            within=START_SECONDS,
            what=f"readiness of the console, which says {self.output!r},",
        )
        return self

    @property
    def output(self) -> str:
        """Everything it wrote so far."""
        return "".join(self._lines)

    def event(self, name: str) -> dict[str, Any] | None:
        """The first line it logged under a name."""
        events = (json.loads(line) for line in list(self._lines) if line.startswith("{"))
        return next((event for event in events if event.get("body") == name), None)

    def end(self, number: signal.Signals = signal.SIGTERM, *, within: float = 30) -> int:
        """Signal it, wait for its end, and return its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(within)
        finally:
            if self._process.poll() is None:
                self._process.kill()
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


class Person:
    """Somebody with a browser that keeps cookies, follows links and sends forms with their hidden fields."""

    def __init__(self, console: ConsoleProcess | str) -> None:
        """Sit down before a console."""
        url = console if isinstance(console, str) else console.url
        self.client = httpx.Client(base_url=url, timeout=30, trust_env=False, follow_redirects=True)
        self.origin = {"origin": url, "sec-fetch-site": "same-origin"}

    def sign_in(self, password: str, name: str = "ann") -> httpx.Response:
        """Send the form of the sign-in page."""
        return self.client.post("/login", data={"name": name, "password": password}, headers=self.origin)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Open a page."""
        return self.client.get(path, **options)

    def send(self, path: str, *, page: str = "/", **fields: str) -> httpx.Response:
        """Send a form that stands on `page`."""
        token = re.search(r'name="form_token" value="([^"]+)"', self.get(page).text)
        data = fields | ({"form_token": token[1]} if token else {})
        return self.client.post(path, data=data, headers=self.origin)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
