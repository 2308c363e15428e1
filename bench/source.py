"""Posts leads to a measured system, and waits until its customer has them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.scenarios import Scenario
from bench.system import System

Figures = dict[str, float]
Say = Callable[[str], None]

_DELIVERY_SECONDS = 600.0
_LOOK_SECONDS = 0.02


class Source:
    """Posts leads with numbers that were not used before."""

    def __init__(self, system: System, scenario: Scenario) -> None:
        self.system = system
        self.scenario = scenario
        self._first = 0

    def post(
        self,
        leads: int,
        *,
        answers: Path | None = None,
        rate: float | None = None,
        paths: Sequence[str] | None = None,
        connections: int | None = None,
        refusable: bool = False,
    ) -> dict[str, Any]:
        """Run the load generator once.

        Args:
            leads: How many.
            answers: Where to write when each was answered.
            rate: Posts a second; None: as fast as the answers come.
            paths: Where to post; None: to all customers that answer.
            connections: At the most; None: as the scenario says.
            refusable: Whether other answers than 200 are taken; else they end the program.
        """
        targets = self.system.folder / "paths"
        targets.write_text("\n".join(paths or self.system.paths))
        command = [
            sys.executable, "-m", "bench.load",
            "--port", str(self.system.port),
            "--paths", str(targets),
            "--connections", str(connections or self.scenario.connections),
            "--leads", str(leads),
            "--first", str(self._first),
            "--size", str(self.scenario.size),
            *(["--answers", str(answers)] if answers else []),
            *(["--rate", str(rate)] if rate else []),
        ]  # fmt: skip
        told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        if not refusable and told["statuses"] != {"200": leads}:
            sys.exit(f"not every lead was accepted: {told}")
        self._first += leads
        return dict(told)

    def await_leads(self, leads: int) -> None:
        """Wait until the customer has had so many different leads in all."""
        end = time.monotonic() + _DELIVERY_SECONDS
        while (got := self.system.receiver.counts().leads) < leads:
            if time.monotonic() > end:
                sys.exit(f"only {got:,} of {leads:,} leads were delivered within {_DELIVERY_SECONDS:.0f} s")
            time.sleep(_LOOK_SECONDS)

    def warm_up(self, leads: int) -> None:
        """Post and deliver some leads that don't count."""
        before = self.system.receiver.counts().leads
        self.post(leads)
        self.await_leads(before + leads)
