"""`make bench`: how fast the whole product is on this machine, and what a lead costs it.

Each figure is the median of three runs, with the least and the greatest beside it. PostgreSQL and Valkey run with their
default durability; load generator, receiver and all parts share this machine's processors.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from bench import django_celery as theirs
from bench import gateway as ours
from bench import record
from bench.fill import fill, settle
from bench.machine import describe
from bench.measure import measure
from bench.report import by_figure, table
from bench.scenarios import CATALOGUE, SHORT, Scenario, named
from bench.source import Figures
from bench.workplace import workplace

_BEGAN = time.monotonic()


def say(text: str) -> None:
    """Tell how far it is, apart from the results."""
    print(f"[{time.monotonic() - _BEGAN:6.0f} s] {text}", file=sys.stderr, flush=True)


def measure_gateway(scenario: Scenario, *, runs: int) -> list[Figures]:
    """Measure Lead Gateway in one scenario, from nothing to its end."""
    with workplace() as folder, ours.gateway(folder, scenario.setup) as system:
        routes = scenario.setup.routes
        if scenario.waiting or scenario.finished:
            fill(system.database_url, waiting=scenario.waiting, finished=scenario.finished, routes=routes, say=say)
            settle(system.superuser_url)
            say("PostgreSQL has nothing left to do")
        return measure(system, scenario, leads=scenario.leads, runs=runs, say=say)


def measure_baseline(scenario: Scenario, *, runs: int) -> list[Figures]:
    """Measure what it replaces in the same scenario."""
    with workplace() as folder, theirs.baseline(folder, scenario.setup) as system:
        return measure(system, scenario, leads=scenario.baseline_leads, runs=runs, say=say)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [scenario.name for scenario in CATALOGUE]
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(names)}; or: {', '.join(SHORT)}"
    )
    parser.add_argument("--all", action="store_true", help="every scenario")
    parser.add_argument("--list", action="store_true", help="say what each scenario is, and end")
    parser.add_argument("--runs", type=int, default=3, help="runs of each (%(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of each scenario's leads, for a quick look")
    parser.add_argument("--no-baseline", action="store_true", help=f"do not measure {theirs.NAME} beside it")
    parser.add_argument("--record", action="store_true", help="keep what is measured: bench/results.json and its pages")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.scenarios if name not in names]:
        parser.error(f"no such scenario: {', '.join(unknown)}")
    if options.runs < 1 or options.scale <= 0:
        parser.error("--runs and --scale must be greater than 0")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    chosen = list(CATALOGUE) if options.all else named(options.scenarios or SHORT)
    if options.list:
        print("\n".join(f"{scenario.name:22} {scenario.meaning}" for scenario in CATALOGUE))
        return
    machine = describe()
    print(machine)
    for scenario in (one.shrunk(options.scale) for one in chosen):
        say(f"{scenario.name}: {scenario.meaning}")
        leads = {ours.NAME: scenario.leads}
        systems = {ours.NAME: by_figure(measure_gateway(scenario, runs=options.runs))}
        if scenario.baseline_leads and not options.no_baseline:
            say(f"{scenario.name}: {theirs.NAME}")
            leads[theirs.NAME] = scenario.baseline_leads
            systems[theirs.NAME] = by_figure(measure_baseline(scenario, runs=options.runs))
        counts = ", ".join(f"{count:,} leads a run ({name})" for name, count in leads.items())
        print(f"\n### {scenario.name}: {scenario.meaning}\n\n{counts}\n\n{table(systems)}", flush=True)
        if options.record:
            record.add(machine, scenario.name, leads=leads, systems=systems)


if __name__ == "__main__":
    main()
