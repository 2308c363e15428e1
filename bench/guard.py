"""What a lead costs, held against what it cost when that was recorded, so that a slide is noticed.

CPU seconds differ between machines, and on one machine with what else it does. So they are told in units of a fixed
piece of Python work on the same machine, and both are the least of several short runs: what else a machine does only
adds to them. (Instructions would differ less, but virtual machines seldom count them.) `python -m bench.guard` measures
and compares; with `--record` it writes `bench/guard.json`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from bench.gateway import gateway
from bench.measure import CPU, measure
from bench.scenarios import GROWN_FROM, named
from bench.system import POSTGRESQL, WEBHOOK, WORKER
from bench.workplace import workplace

RECORDED = Path(__file__).with_name("guard.json")
BAND = 1.75
"""Up to so many times the recorded cost: what else a shared machine does moves it by a third."""
LEADS = 3_000
RUNS = 3
_FIGURES = (
    f"intake, {CPU}{WEBHOOK}",
    f"intake, {CPU}{POSTGRESQL}",
    f"delivery, {CPU}{WORKER}",
    f"delivery, {CPU}{POSTGRESQL}",
)
_ROUNDS = 2_000


def unit_seconds() -> float:
    """CPU seconds of the piece of work: like an intake's, it parses, copies and hashes small documents."""
    began = time.process_time()
    document = json.dumps({f"field {number}": {"value": str(number), "more": [number] * 5} for number in range(20)})
    for number in range(_ROUNDS):
        told = json.loads(document)
        told["number"] = number
        hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return time.process_time() - began


def costs() -> dict[str, float]:
    """What 1,000 leads cost now, by figure, in units of the piece of work."""
    (scenario,) = named([GROWN_FROM])
    units = [unit_seconds() for _ in range(RUNS)]
    with workplace() as folder, gateway(folder, scenario.setup) as system:
        runs = measure(system, scenario, leads=LEADS, runs=RUNS, say=lambda _: units.append(unit_seconds()))
    return {figure: round(min(run[figure] for run in runs) / min(units), 3) for figure in _FIGURES}


def recorded() -> dict[str, float]:
    """What they cost when that was recorded."""
    return dict(json.loads(RECORDED.read_text()))


def too_high(now: Mapping[str, float], before: Mapping[str, float]) -> list[str]:
    """A sentence for each cost that is beyond the band."""
    return [
        f"{figure}: {now[figure]:.2f} units, recorded {cost:.2f}; more than {BAND} times as much"
        for figure, cost in before.items()
        if now[figure] > cost * BAND
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.guard", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write what is measured to bench/guard.json")
    options = parser.parse_args()
    now = costs()
    print(json.dumps(now, indent=1))
    if options.record:
        RECORDED.write_text(json.dumps(now, indent=1) + "\n")
    elif sentences := too_high(now, recorded()):
        sys.exit("\n".join(sentences))


if __name__ == "__main__":
    main()
