"""Somebody who looks at the console with Chromium, and notes whatever is wrong with it."""

from __future__ import annotations

from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Request, Response

Scheme = Literal["light", "dark"]

WIDE, NARROW = (1280, 900), (390, 844)
"""A desk's and a telephone's window, in CSS pixels."""

PATIENCE_MS = 60_000
_SERIOUS = {"serious", "critical"}


class Visitor:
    """One window of a browser, with a session of its own."""

    def __init__(
        self,
        browser: Browser,
        url: str,
        *,
        size: tuple[int, int] = WIDE,
        scheme: Scheme = "light",
        with_script: bool = True,
    ) -> None:
        """Open the window.

        Args:
            browser: Chromium.
            url: The console.
            size: Of the window.
            scheme: What the visitor's system is set to.
            with_script: Whether scripts may run.
        """
        self.url = url
        self.complaints: list[str] = []
        self._context = browser.new_context(
            base_url=url,
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            java_script_enabled=with_script,
            locale="de-DE",
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
        )
        self._context.set_default_timeout(PATIENCE_MS)
        self.page = self._context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("dialog", self._asked)
        self.page.on("request", self._requested)
        self.page.on("response", self._answered)

    def open(self, path: str) -> None:
        """Go to a page."""
        self.page.goto(path, wait_until="load")

    def find(self, selector: str) -> Locator:
        """What is there."""
        return self.page.locator(selector)

    def says(self, text: str) -> None:
        """Wait until the page shows a text."""
        self.page.get_by_text(text).first.wait_for()

    def barriers(self) -> list[str]:
        """What axe-core finds that keeps people out, seriously (https://github.com/dequelabs/axe-core)."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{each['id']} at {node['target']}: {node.get('failureSummary', '')}"
            for each in found
            if each["impact"] in _SERIOUS
            for node in each["nodes"]
        ]

    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        wider = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return int(wider)

    def close(self) -> None:
        """Close the window."""
        self._context.close()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text}")

    def _asked(self, dialog: Dialog) -> None:
        self.complaints.append(f"a lead's script ran: {dialog.message}")
        dialog.dismiss()

    def _requested(self, request: Request) -> None:
        if not request.url.startswith(f"{self.url}/"):
            self.complaints.append(f"asked another server: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status}: {response.url}")
