"""Takes a newcomer by the hand: shows the sample leads' way, and then what to try."""

from __future__ import annotations

import shlex
import sys
import threading
from pathlib import Path

from leadgateway.dev.home import DEFAULT
from leadgateway.dev.journeys import show_journeys
from leadgateway.dev.options import Options, Ports
from leadgateway.dev.ports import HOST
from leadgateway.dev.screen import Screen
from leadgateway.settings import DatabaseSettings

GUIDE_SECONDS = 2.0
"""How long the end waits for the guide's last line."""

CURL = """\
  curl -X POST http://localhost:{port}/webhooks/leads/ \\
    -H "Content-Type: application/json" \\
    -d '{{"email": "john.doe@example.com", "phone": "0681 123456",
         "address": {{"zip": "66123", "street": "Hauptstr. 1"}}, "house": {{"is_owner": true}}}}'"""


class Guide(threading.Thread):
    """Shows a newcomer the sample leads' way and then what to try, beside the watch over the parts."""

    def __init__(self, options: Options, ports: Ports, database: DatabaseSettings, screen: Screen) -> None:
        super().__init__(name="guide", daemon=True)
        self._options = options
        self._ports = ports
        self._database = database
        self._screen = screen
        self._end = threading.Event()

    def run(self) -> None:
        """Show the leads' way, unless nobody wants to see it, and what to try."""
        if self._options.demo:
            show_journeys(self._screen, port=self._ports.webhook.number, database=self._database, end=self._end)
        if not self._end.is_set():
            self._screen.serving(_addresses(self._ports, self._options), CURL.format(port=self._ports.webhook.number))

    def stop(self) -> None:
        """End it early; does nothing when it has ended or never began."""
        self._end.set()
        if self.is_alive():
            self.join(GUIDE_SECONDS)


def _addresses(ports: Ports, options: Options) -> list[tuple[str, str]]:
    return [
        ("post leads to", f"http://{HOST}:{ports.webhook.number}/webhooks/leads/"),
        ("find them in the console", f"http://{HOST}:{ports.console.number}/"),
        ("see what the demo customer got", f"http://{HOST}:{ports.demo.number}/requests"),
        ("read a lead's whole story", show_command(sys.argv[0], options.data)),
        ("metrics and health of the webhook", f"http://{HOST}:{ports.webhook_status.number}/metrics"),
        ("… and of the worker", f"http://{HOST}:{ports.worker_status[0].number}/metrics"),
    ]


def show_command(program: str, data: Path) -> str:
    """The command that shows the first lead, as it can be typed here.

    Args:
        program: The path that this program was started with.
        data: The stack's data folder.
    """
    path = Path(program)
    if path.name != "leadgateway":
        name = "leadgateway"
    elif path.is_relative_to(Path.cwd()):
        name = str(path.relative_to(Path.cwd()))
    else:
        name = program
    where = "" if data == DEFAULT else f" --data {shlex.quote(str(data))}"
    return f"{name} lead show 1{where}"
