"""What is aimed at, and how far what was measured is from it. Pure functions."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.measure import (
    CPU,
    DELIVERED,
    DELIVERED_END_TO_END,
    OWN,
    POST_P99,
    POSTS,
    RESIDENT,
    TO_CUSTOMER_P50,
    TO_CUSTOMER_P99,
)
from bench.report import Runs, row, shown
from bench.scenarios import CATALOGUE, GROWN_FROM, ONE_WORKER, TWO_WORKERS
from bench.system import POSTGRESQL, WEBHOOK, WORKER

TWO_WORKERS_DELIVER = 1.7
"""Times what one delivers, at the least, when the customer takes 50 ms."""
GROWTH = 0.2
"""By how much more a lead may cost with a thousand routes, or beside millions of others."""


@dataclass(frozen=True, slots=True)
class Aim:
    """A bound for a figure of a scenario.

    Attributes:
        meaning: For people.
        scenario: By name.
        figure: By name.
        most: The bound is one from above; else from below.
        bound: In the unit of the figure.
    """

    meaning: str
    scenario: str
    figure: str
    bound: float
    most: bool = True


AIMS = (
    Aim("posts/s at 32 connections, while delivering", "flow", POSTS, 4_000, most=False),
    Aim("p99 of these posts, ms", "flow", POST_P99, 20),
    Aim("post p99 at 100 posts/s, ms", "steady", POST_P99, 5),
    Aim("delivered/s, first post to last delivery", "flow", DELIVERED_END_TO_END, 2_000, most=False),
    Aim("… to a customer that takes 50 ms", "delay-50ms", DELIVERED_END_TO_END, 1_800, most=False),
    Aim("CPU s per 1,000 leads, webhook + worker", "flow", f"{CPU}{OWN}", 0.5),
    Aim("CPU s per 1,000 leads, PostgreSQL", "flow", f"{CPU}{POSTGRESQL}", 0.15),
    Aim("memory of webhook + worker, MiB (sum of RSS)", "flow", RESIDENT, 150),
    Aim("from the 200 to the customer p50 at 100 leads/s, ms", "steady", TO_CUSTOMER_P50, 15),
    Aim("from the 200 to the customer p99 at 100 leads/s, ms", "steady", TO_CUSTOMER_P99, 60),
)


def aims_table(scenarios: Mapping[str, Runs]) -> str:
    """A Markdown table of the aims whose scenarios were measured.

    Args:
        scenarios: The gateway's runs, by scenario.
    """
    head = [row(["", "aim", "measured", ""]), row(["---", "---:", "---:", "---"])]
    return "\n".join([*head, *_plain(scenarios), *_workers(scenarios), *_growth(scenarios)])


def two_workers_deliver(one: Runs, two: Runs) -> float:
    """Times what one worker delivers."""
    return statistics.median(two[DELIVERED]) / statistics.median(one[DELIVERED])


def cost_changes(start: Runs, grown: Runs) -> dict[str, float]:
    """By how much the CPU of a lead changed, intake and delivery together, as a share of what it was, by part."""
    parts = {OWN: (f"intake, {CPU}{WEBHOOK}", f"delivery, {CPU}{WORKER}")}
    parts[POSTGRESQL] = (f"intake, {CPU}{POSTGRESQL}", f"delivery, {CPU}{POSTGRESQL}")
    return {part: _sum(grown, figures) / _sum(start, figures) - 1 for part, figures in parts.items()}


def _plain(scenarios: Mapping[str, Runs]) -> Iterator[str]:
    for aim in AIMS:
        if aim.scenario in scenarios:
            value = statistics.median(scenarios[aim.scenario][aim.figure])
            held = value <= aim.bound if aim.most else value >= aim.bound
            sign = "≤" if aim.most else "≥"
            yield row([aim.meaning, f"{sign} {shown(aim.bound)}", shown(value), _verdict(held)])


def _workers(scenarios: Mapping[str, Runs]) -> Iterator[str]:
    if {ONE_WORKER, TWO_WORKERS} <= set(scenarios):
        times = two_workers_deliver(scenarios[ONE_WORKER], scenarios[TWO_WORKERS])
        meaning = "two workers deliver, times what one does (customer takes 50 ms, 16 slots a worker)"
        held = times >= TWO_WORKERS_DELIVER
        yield row([meaning, f"≥ {TWO_WORKERS_DELIVER}", f"{times:.2f}", _verdict(held)])


def _growth(scenarios: Mapping[str, Runs]) -> Iterator[str]:
    grown = [one for one in CATALOGUE if one.grows and one.name in scenarios]
    if GROWN_FROM not in scenarios:
        return
    for scenario in grown:
        for part, change in cost_changes(scenarios[GROWN_FROM], scenarios[scenario.name]).items():
            meaning = f"CPU of a lead with {scenario.meaning}, {part}"
            yield row([meaning, f"≤ {GROWTH:+.0%}", f"{change:+.0%}", _verdict(change <= GROWTH)])


def _sum(runs: Runs, figures: tuple[str, ...]) -> float:
    # Means: merging leads into the index they are found by comes in one run of three, and a median would hide it.
    return sum(statistics.mean(runs[figure]) for figure in figures)


def _verdict(held: bool) -> str:
    return "held" if held else "**missed**"
