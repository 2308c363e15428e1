"""`leadgateway dev`: starts the stack, keeps it alive, and ends it, whatever happens."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Mapping
from types import FrameType

from leadgateway.dev.home import Home
from leadgateway.dev.journeys import show_journeys
from leadgateway.dev.options import Options, Ports, ports_of
from leadgateway.dev.ports import HOST, check_free
from leadgateway.dev.route_folder import RouteFolder, described
from leadgateway.dev.samples import sample_routes
from leadgateway.dev.screen import Screen
from leadgateway.dev.stack import Stack

LOOK_SECONDS = 0.2
KILLED_STACK_SECONDS = 20.0
"""How long ports are waited for that the parts of a killed stack still hold."""

CURL = """\
  curl -X POST http://localhost:{port}/webhooks/leads/ \\
    -H "Content-Type: application/json" \\
    -d '{{"email": "john.doe@example.com", "phone": "0681 123456",
         "address": {{"zip": "66123", "street": "Hauptstr. 1"}}, "house": {{"is_owner": true}}}}'"""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(BaseException):
    """Somebody asked the stack to end. Like KeyboardInterrupt no `Exception`, so that no part's handling stops it."""


def run(options: Options, environment: Mapping[str, str], screen: Screen) -> None:
    """Run a development stack until SIGINT, SIGTERM or SIGHUP; a second signal ends it faster.

    Args:
        options: What was asked for.
        environment: The person's own environment.
        screen: Where it is told what happens.

    Raises:
        InUse, PortTaken, StartError, AlreadyRunningError, UnreachableDataError, MissingServerError, NoAccountError,
        UnsafeFolderError, StoreError: It can't be started; nothing is left running.
    """
    home = Home(options.data)
    was_killed = home.ended_badly
    with home.held():
        ports = ports_of(options)
        check_free(ports.all(), patience=KILLED_STACK_SECONDS if was_killed else 0.0)
        screen.title()
        stack = Stack(home, ports, environment, screen)
        ending = _Ending(stack)
        try:
            ending.arm()
            stack.start_servers()
            stack.apply_migrations()
            routes = Routes(options, home, screen)
            routes.look()
            stack.start_programs(options.workers)
            _welcome(options, ports, stack, screen)
            while True:
                stack.look(time.monotonic())
                routes.look()
                time.sleep(LOOK_SECONDS)
        except Ended:
            screen.ending()
        finally:
            ending.disarm()
            stack.stop()
        screen.ended(options.data)


class Routes:
    """The folder of LeadRoutes, published again when a file changes."""

    def __init__(self, options: Options, home: Home, screen: Screen) -> None:
        self._screen = screen
        folder = options.routes or sample_routes(home)
        self._folder = RouteFolder(folder, home.config, fingerprint_key=home.fingerprint_key())
        screen.started("routes", str(folder))

    def look(self) -> None:
        """Publish what changed and tell what came of it."""
        try:
            refreshed = self._folder.refresh()
        except OSError as error:
            self._tell_once(f"The folder of routes can't be read: {error}")
            return
        if refreshed is None:
            return
        for route in refreshed.routes:
            if route.key in refreshed.changed:
                self._screen.started("route", described(route))
        for key in sorted(refreshed.gone):
            self._screen.note(f"{key} is gone; its waiting leads wait until it returns or they are moved")
        for problem in refreshed.problems:
            self._screen.problem(str(problem))
        if refreshed.problems:
            self._screen.note("Nothing of a file with a mistake takes effect; its last good version, if any, goes on.")

    def _tell_once(self, sentence: str) -> None:
        if sentence != self._told:
            self._screen.problem(sentence)
        self._told = sentence

    _told = ""


def _welcome(options: Options, ports: Ports, stack: Stack, screen: Screen) -> None:
    """Show the sample leads' way and what to try, beside the watch over the parts."""

    def show() -> None:
        if options.demo:
            show_journeys(screen, port=ports.webhook.number, database=stack.database)
        screen.serving(_addresses(ports), CURL.format(port=ports.webhook.number))

    threading.Thread(target=show, name="journeys", daemon=True).start()


def _addresses(ports: Ports) -> list[tuple[str, str]]:
    return [
        ("post leads to", f"http://{HOST}:{ports.webhook.number}/webhooks/leads/"),
        ("see what the demo customer got", f"http://{HOST}:{ports.demo.number}/requests"),
        ("read a lead's whole story", "leadgateway lead show 1"),
        ("metrics and health of the webhook", f"http://{HOST}:{ports.webhook_status.number}/metrics"),
        ("… and of the worker", f"http://{HOST}:{ports.worker_status[0].number}/metrics"),
    ]


class _Ending:
    """What a signal does: raise `Ended` in the main thread once, and hurry whatever is ending after that."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._armed = False

    def arm(self) -> None:
        """Let the next signal raise `Ended`."""
        self._armed = True
        for number in SIGNALS:
            signal.signal(number, self._handle)

    def disarm(self) -> None:
        """Let no further signal raise anything."""
        self._armed = False

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if not self._armed:
            self._stack.kill_programs()
            return
        self._armed = False
        raise Ended
