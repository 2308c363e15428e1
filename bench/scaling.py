"""From what a lead costs to what many leads need: pods, PostgreSQL, Valkey and disk. Pure functions."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.measure import CPU, DISK
from bench.report import Runs, row
from bench.system import POSTGRESQL, VALKEY, WEBHOOK, WORKER
from bench.traffic import COMMANDS, COMMITS, WAL

_HEADROOM = 2.0
"""A part that is planned to be busy half of the time still answers quickly, and outlives the loss of a node."""
_PROCESS_CORES = 0.7
"""Of a core, what one process can use: webhook and worker have one interpreter each, and it uses one core at a time."""
_CONNECTIONS = {WEBHOOK: 1, WORKER: 5}
"""Of a pod, at the most (docs/operations.md)."""
_STORED = 1_000_000_000
_PER_MIB, _PER_GIB, _PER_TIB = 2**20, 2**30, 2**40
_DAY = 86_400
_PHASES = ("intake", "delivery")


@dataclass(frozen=True, slots=True)
class Costs:
    """Of one lead: CPU seconds by part, bytes of write-ahead log, shares of a commit, Valkey commands."""

    webhook: float
    worker: float
    postgresql: float
    valkey: float
    wal_bytes: float
    commits: float
    commands: float

    @classmethod
    def in_full_batches(cls, runs: Runs) -> Costs:
        """From the runs of a scenario of kind `phases`, where as many leads share a commit as may."""

        def both(figure: str) -> float:
            return sum(_mean(runs, f"{phase}, {figure}") for phase in _PHASES)

        return cls(
            webhook=_mean(runs, f"intake, {CPU}{WEBHOOK}") / 1000,
            worker=_mean(runs, f"delivery, {CPU}{WORKER}") / 1000,
            postgresql=both(f"{CPU}{POSTGRESQL}") / 1000,
            valkey=_mean(runs, f"delivery, {CPU}{VALKEY}") / 1000,
            wal_bytes=both(WAL),
            commits=both(COMMITS) / 1000,
            commands=both(COMMANDS) / 1000,
        )

    @classmethod
    def one_by_one(cls, runs: Runs) -> Costs:
        """From the runs of a scenario of kind `steady`, where hardly two leads meet."""
        cpu = {part: _mean(runs, f"{CPU}{part}") / 1000 for part in (WEBHOOK, WORKER, POSTGRESQL, VALKEY)}
        return cls(
            webhook=cpu[WEBHOOK],
            worker=cpu[WORKER],
            postgresql=cpu[POSTGRESQL],
            valkey=cpu[VALKEY],
            wal_bytes=_mean(runs, WAL),
            commits=_mean(runs, COMMITS) / 1000,
            commands=_mean(runs, COMMANDS) / 1000,
        )


def pods(cost: float, rate: float) -> int:
    """How many single-process pods a part needs.

    Args:
        cost: CPU seconds per lead.
        rate: Leads a second.
    """
    return max(math.ceil(cost * rate * _HEADROOM / _PROCESS_CORES), 2)


def scaling(phases: Runs, steady: Runs, beside: Runs | None = None) -> str:
    """The computed tables, in Markdown.

    Args:
        phases: Of full batches.
        steady: Of leads that come one by one.
        beside: Of full batches beside millions of finished leads; None: not measured.
    """
    full, small, disk = Costs.in_full_batches(phases), Costs.one_by_one(steady), _mean(phases, DISK)
    measured = {"in full batches": full, "one by one": small}
    if beside is not None:
        measured["in full batches, beside 10,000,000 others"] = Costs.in_full_batches(beside)
    cases = (
        ("100, one by one", small, 100),
        ("1,000, in full batches", full, 1_000),
        ("10,000, in full batches", full, 10_000),
        ("10,000, one by one", small, 10_000),
    )
    return "\n".join(
        [
            *_table(["a lead costs", *measured], _costs(list(measured.values()))),
            "",
            _disk(disk),
            "",
            *_table(_HEADS, [_needs(name, costs, rate) for name, costs, rate in cases]),
            "",
            _storage(disk),
        ]
    )


def _disk(disk: float) -> str:
    return (
        f"Once it is delivered it takes {disk / 1024:,.1f} KiB of disk, indexes and the whole audit included. "
        f"With {_HEADROOM:.0f} times the cores that are used, and {_PROCESS_CORES:.0%} of a core for each pod:"
    )


_HEADS = (
    "leads a second",
    "webhook pods",
    "worker pods",
    "connections",
    "PostgreSQL cores",
    "commits/s",
    "write-ahead log, MiB/s",
    "Valkey commands/s",
    "Valkey cores",
)


def _costs(measured: Sequence[Costs]) -> list[list[str]]:
    microseconds = [
        [f"CPU of {name}, µs", *(f"{getattr(costs, name.lower()) * 1e6:,.0f}" for costs in measured)]
        for name in (WEBHOOK, WORKER, POSTGRESQL, VALKEY)
    ]
    return [
        *microseconds,
        ["write-ahead log, bytes", *(f"{costs.wal_bytes:,.0f}" for costs in measured)],
        ["commits", *(f"{costs.commits:.2f}" for costs in measured)],
        ["Valkey commands", *(f"{costs.commands:.2f}" for costs in measured)],
    ]


def _needs(name: str, costs: Costs, rate: int) -> list[str]:
    webhooks, workers = pods(costs.webhook, rate), pods(costs.worker, rate)
    return [
        name,
        str(webhooks),
        str(workers),
        f"{webhooks * _CONNECTIONS[WEBHOOK] + workers * _CONNECTIONS[WORKER]:,}",
        f"{costs.postgresql * rate * _HEADROOM:,.1f}",
        f"{costs.commits * rate:,.0f}",
        f"{costs.wal_bytes * rate / _PER_MIB:,.1f}",
        f"{costs.commands * rate:,.0f}",
        f"{costs.valkey * rate * _HEADROOM:,.2f}",
    ]


def _storage(disk: float) -> str:
    fast, slow = 10_000, 100
    fast_day, slow_day = (rate * _DAY * disk / _PER_GIB for rate in (fast, slow))
    return (
        f"{_STORED:,} stored leads of this size take {_STORED * disk / _PER_TIB:,.1f} TiB. At {fast:,} a second "
        f"they are there after {_STORED / fast / 3600:,.0f} hours, with {fast_day:,.0f} GiB a day; "
        f"at {slow} a second after {_STORED / slow / _DAY:,.0f} days, with {slow_day:,.0f} GiB a day."
    )


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    return [row(heads), row(["---", *["---:"] * (len(heads) - 1)]), *map(row, lines)]


def _mean(runs: Runs, figure: str) -> float:
    # Not the median: some costs, such as that of merging what was found into an index, come in one run of several.
    return statistics.mean(runs[figure])
