"""One part of the stack: a process that is started, watched, restarted when it dies, and ended."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from leadgateway.dev.child import end, kill, spawn
from leadgateway.dev.server import open_log


class Part(Protocol):
    """What the supervisor needs of a part; the embedded servers and `ProgramPart` are some."""

    def start(self) -> object:
        """Start it; returns when it works, or raises when it can't."""

    def stop(self) -> None:
        """End it and wait until it has ended."""

    @property
    def running(self) -> bool:
        """Whether its process is there."""


@dataclass
class ProgramPart:
    """A part that is one of our own commands, its output in a file.

    Attributes:
        command: Program and arguments.
        environment: Its whole environment.
        log: Where its output goes.
        grace: Seconds it may take to end.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    grace: float
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start the process; whether it is ready is asked at its ports, not here."""
        with open_log(self.log, None) as log:
            self._process = spawn(self.command, environment=self.environment, output=log)

    def stop(self) -> None:
        """Ask it to end and wait; kill it when the grace period is over."""
        if self._process is not None:
            end(self._process, grace=self.grace)

    def ask_to_end(self) -> None:
        """Ask it to end without waiting, so that several parts can end at the same time."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None and self._process.poll() is None:
            kill(self._process)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process id; None when it was never started."""
        return None if self._process is None else self._process.pid
