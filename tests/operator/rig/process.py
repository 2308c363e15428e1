"""Child processes of the tests: started with their output in a file, ended by their own id, never left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from leadgateway.dev.child import end, spawn


class Child:
    """One program that runs until it is stopped; its output is kept in `log`."""

    def __init__(self, command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.log = log
        with log.open("ab") as output:
            # Ends with the test process, however that ends.
            self._process = spawn(
                list(command),
                death_signal=signal.SIGKILL,
                environment={**os.environ, **(environment or {})},
                output=output,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def stop(self, *, grace: float = 20.0) -> int:
        """SIGTERM, and SIGKILL for what has not ended after `grace` seconds; returns its exit status."""
        return end(self._process, grace=grace)

    def kill(self) -> None:
        """SIGKILL: no time to say goodbye."""
        self._process.kill()
        self._process.wait()

    def tail(self, characters: int = 4000) -> str:
        return self.log.read_text(errors="replace")[-characters:]
