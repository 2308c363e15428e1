"""From what a lead costs to what many leads need: cores, pods and disk, and what gives out first. Pure functions."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from bench.measure import CPU, DISK
from bench.report import Runs
from bench.system import POSTGRESQL, VALKEY, WEBHOOK, WORKER

_HEADROOM = 2.0
"""A part that is planned to be busy half of the time still answers quickly, and outlives the loss of a node."""
_PROCESS_CORES = 0.7
"""Of a core, what one process can use: webhook and worker have one interpreter each, and it uses one core at a time."""
_RATES = (100, 1_000, 10_000)
_STORED = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds per lead by part, and bytes that a finished lead takes on disk, indexes included."""

    webhook: float
    worker: float
    postgresql: float
    valkey: float
    disk_bytes: float

    @classmethod
    def of(cls, runs: Runs) -> Costs:
        """From the runs of a scenario of kind `phases`."""

        def median(figure: str) -> float:
            return statistics.median(runs[figure])

        return cls(
            webhook=median(f"intake, {CPU}{WEBHOOK}") / 1000,
            worker=median(f"delivery, {CPU}{WORKER}") / 1000,
            postgresql=(median(f"intake, {CPU}{POSTGRESQL}") + median(f"delivery, {CPU}{POSTGRESQL}")) / 1000,
            valkey=median(f"delivery, {CPU}{VALKEY}") / 1000,
            disk_bytes=median(DISK),
        )


def pods(cost: float, rate: float) -> int:
    """How many single-process pods a part needs.

    Args:
        cost: CPU seconds per lead.
        rate: Leads a second.
    """
    return max(math.ceil(cost * rate * _HEADROOM / _PROCESS_CORES), 2)


def scaling(runs: Runs) -> str:
    """The computed tables, in Markdown, from the runs of a scenario of kind `phases`."""
    costs = Costs.of(runs)
    lines = [
        "| leads a second | webhook pods | worker pods | PostgreSQL cores | Valkey cores | new disk a day |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for rate in _RATES:
        cores = costs.postgresql * rate * _HEADROOM
        disk = costs.disk_bytes * rate * 86_400 / 2**30
        lines.append(
            f"| {rate:,} | {pods(costs.webhook, rate)} | {pods(costs.worker, rate)} | {cores:,.1f} "
            f"| {costs.valkey * rate * _HEADROOM:,.2f} | {disk:,.0f} GiB |"
        )
    parts = (("the webhook", costs.webhook), ("the worker", costs.worker), ("PostgreSQL", costs.postgresql))
    microseconds = ", ".join(f"{cost * 1e6:,.0f} µs in {part}" for part, cost in parts)
    stored = _STORED * costs.disk_bytes / 2**40
    return "\n".join(
        (
            f"A lead costs {microseconds}, and {costs.disk_bytes / 1024:,.1f} KiB of disk once it is delivered.",
            f"With {_HEADROOM:.0f} times what is used, and {_PROCESS_CORES:.0%} of a core for each pod:",
            "",
            *lines,
            "",
            f"{_STORED:,} stored leads of this size take {stored:,.1f} TiB.",
        )
    )
