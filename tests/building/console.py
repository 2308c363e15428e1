"""A real console process and somebody who uses it."""

from __future__ import annotations

import re
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.building.role_process import RoleProcess

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


class ConsoleProcess(RoleProcess):
    """`leadgateway console` on ports of its own."""

    def __init__(self, routes: Path, *, database: str, **environment: str) -> None:
        """Start it; it may not be ready yet, see `until_ready`.

        Args:
            routes: Folder with the published routes.
            database: Where PostgreSQL is.
            environment: Further variables.
        """
        super().__init__(
            "console",
            "--port=0",
            f"--config-dir={routes}",
            environment={"DATABASE_URL": database} | environment,
            started="console.listening",
        )
        self.port = int(self.started["port"])
        self.url = f"http://127.0.0.1:{self.port}"

    def until_ready(self) -> Self:
        """Return once it says that it is ready."""
        self._until("/readyz", what="readiness of the console")
        return self


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
