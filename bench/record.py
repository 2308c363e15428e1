"""What was measured, kept in the repository: the values, the table and the picture made of them.

`results.json` holds the values of every run. All else is written from it, by `write_pages`: the tables of
`bench/README.md` and `docs/scaling.md`, the comparison in `README.md`, and `docs/bench.svg`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.aims import aims_table
from bench.comparison import DRAWN, comparison_table
from bench.picture import picture
from bench.report import Runs, growth_table, table
from bench.scaling import scaling
from bench.scenarios import CATALOGUE, GROWN_FROM, LARGEST, ONE_WORKER, STEADY, TWO_WORKERS

ROOT = Path(__file__).parents[1]
_RESULTS = ROOT / "bench/results.json"
_README = ROOT / "bench/README.md"
_FRONT = ROOT / "README.md"
_SCALING = ROOT / "docs/scaling.md"
_PICTURE = ROOT / "docs/bench.svg"
_BEGIN, _END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclass(frozen=True, slots=True)
class Measured:
    """One scenario as it was measured.

    Attributes:
        date: Of the day.
        leads: Leads a run, by system.
        systems: The values of each figure, by system.
    """

    date: str
    leads: Mapping[str, int]
    systems: Mapping[str, Runs]


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that was measured on one machine with one set of versions, by scenario."""

    machine: str
    scenarios: dict[str, Measured] = field(default_factory=dict)


def read() -> Record | None:
    """What was recorded last."""
    if not _RESULTS.exists():
        return None
    told = json.loads(_RESULTS.read_text())
    return Record(told["machine"], {name: Measured(**one) for name, one in told["scenarios"].items()})


def add(machine: str, name: str, *, leads: Mapping[str, int], systems: Mapping[str, Runs]) -> None:
    """Record a scenario, and write the pages anew. What another machine or version measured is dropped."""
    before = read()
    kept = before if before is not None and before.machine == machine else Record(machine)
    kept.scenarios[name] = Measured(f"{datetime.now(UTC):%Y-%m-%d}", leads, systems)
    order = [scenario.name for scenario in CATALOGUE]
    ordered = {known: kept.scenarios[known] for known in order if known in kept.scenarios}
    _RESULTS.write_text(json.dumps(asdict(Record(machine, ordered)), indent=1) + "\n")
    write_pages()


def write_pages() -> None:
    """Write tables and picture from what is recorded."""
    record = read()
    if record is None:
        return
    _fill(_README, tables(record))
    gateway = {name: next(iter(one.systems.values())) for name, one in record.scenarios.items()}
    if {GROWN_FROM, STEADY} <= set(gateway):
        _fill(_SCALING, scaling(gateway[GROWN_FROM], gateway[STEADY], gateway.get(LARGEST)))
    compared = {name: one.systems for name, one in record.scenarios.items() if len(one.systems) > 1}
    if set(compared) >= DRAWN:
        _PICTURE.write_text(picture(compared))
        _fill(_FRONT, front(record, compared))


def front(record: Record, compared: Mapping[str, Mapping[str, Runs]]) -> str:
    """What the project's first page shows, in Markdown: picture and comparison."""
    return "\n\n".join(
        (
            "![Lead Gateway and Django + Celery, measured side by side](docs/bench.svg)",
            comparison_table(compared),
            f"{max(record.scenarios[name].date for name in DRAWN)}, medians with least and greatest. {record.machine}.",
        )
    )


def tables(record: Record) -> str:
    """The tables of a record, in Markdown."""
    gateway = {name: next(iter(one.systems.values())) for name, one in record.scenarios.items()}
    parts = [f"Measured on: {record.machine}.", "### Aims", aims_table(gateway)]
    meanings = {scenario.name: scenario for scenario in CATALOGUE}
    for name, one in record.scenarios.items():
        counts = ", ".join(f"{count:,} leads a run ({system})" for system, count in one.leads.items())
        parts += [f"### {name}: {meanings[name].meaning}", f"{one.date}; {counts}", table(one.systems)]
    grown = {
        name: (meanings[name].meaning, runs)
        for name, runs in gateway.items()
        if meanings[name].kind == "phases" and name not in (ONE_WORKER, TWO_WORKERS)
    }
    if GROWN_FROM in grown and len(grown) > 1:
        parts += [f"### Growth: medians, and their change from `{GROWN_FROM}`", growth_table(grown, GROWN_FROM)]
    return "\n\n".join(parts)


def _fill(page: Path, text: str) -> None:
    """Replace what stands between the marks."""
    before, _, rest = page.read_text().partition(_BEGIN)
    _, mark, after = rest.partition(_END)
    assert mark, f"{page} has no place for what was measured"
    page.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}")
