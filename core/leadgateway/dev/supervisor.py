"""`leadgateway dev`: starts the stack, keeps it alive, and ends it, whatever happens."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from types import FrameType

from leadgateway.dev.guide import Guide
from leadgateway.dev.home import Home
from leadgateway.dev.options import Options, ports_of
from leadgateway.dev.ports import check_free
from leadgateway.dev.route_watch import RouteWatch
from leadgateway.dev.samples import sample_routes
from leadgateway.dev.screen import Screen
from leadgateway.dev.stack import Stack

LOOK_SECONDS = 0.2
KILLED_STACK_SECONDS = 20.0
"""How long ports are waited for that the parts of a killed stack still hold."""

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
            routes = RouteWatch(options.routes or sample_routes(home), home, screen, demo_port=ports.demo.number)
            routes.look()
            stack.start_programs(options.workers)
            guide = Guide(options, ports, stack.database, screen)
            guide.start()
            try:
                while True:
                    stack.look(time.monotonic())
                    routes.look()
                    time.sleep(LOOK_SECONDS)
            finally:
                guide.stop()
        except Ended:
            screen.ending()
        finally:
            ending.disarm()
            stack.stop()
        screen.ended(options.data)


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
