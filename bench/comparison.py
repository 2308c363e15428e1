"""What a person asks first about two systems, told side by side. Pure functions."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bench.measure import (
    CPU,
    DELIVERED_END_TO_END,
    OWN,
    POST_P99,
    POSTS,
    PROPORTIONAL,
    RESIDENT,
    TO_CUSTOMER_P50,
    TO_CUSTOMER_P99,
)
from bench.report import Runs, cell, row, shown
from bench.scenarios import STEADY
from bench.system import POSTGRESQL
from bench.traffic import COMMITS, WAL


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure of a scenario.

    Attributes:
        title: For people.
        scenario: By name.
        figure: By name.
        better: Which way is good.
        drawn: It belongs to the picture, too.
    """

    title: str
    scenario: str
    figure: str
    better: Literal["more", "less"]
    drawn: bool = False


COMPARED = (
    Compared("posts answered per second", "flow", POSTS, "more", drawn=True),
    Compared("… p99, ms", "flow", POST_P99, "less"),
    Compared("posts answered per second, 1 connection", "connections-1", POSTS, "more"),
    Compared("posts answered per second, 256 connections", "connections-256", POSTS, "more"),
    Compared("leads delivered per second", "flow", DELIVERED_END_TO_END, "more", drawn=True),
    Compared("… to a customer that takes 50 ms", "delay-50ms", DELIVERED_END_TO_END, "more", drawn=True),
    Compared("… to a customer that takes 500 ms", "delay-500ms", DELIVERED_END_TO_END, "more"),
    Compared("answer at 100 posts/s, p99, ms", STEADY, POST_P99, "less", drawn=True),
    Compared("from the 200 to the customer, p50, ms", STEADY, TO_CUSTOMER_P50, "less", drawn=True),
    Compared("from the 200 to the customer, p99, ms", STEADY, TO_CUSTOMER_P99, "less"),
    Compared("own CPU seconds per 1,000 leads", "flow", f"{CPU}{OWN}", "less", drawn=True),
    Compared("… at 100 leads/s", STEADY, f"{CPU}{OWN}", "less"),
    Compared("PostgreSQL CPU seconds per 1,000 leads", "flow", f"{CPU}{POSTGRESQL}", "less"),
    Compared("… at 100 leads/s", STEADY, f"{CPU}{POSTGRESQL}", "less"),
    Compared("memory, MiB (shared pages once)", "flow", PROPORTIONAL, "less", drawn=True),
    Compared("memory, MiB (sum of RSS)", "flow", RESIDENT, "less"),
    Compared("write-ahead log, bytes per lead", "flow", WAL, "less"),
    Compared("commits per 1,000 leads", "flow", COMMITS, "less"),
)

DRAWN = frozenset(one.scenario for one in COMPARED if one.drawn)
"""The scenarios that the picture needs."""


def comparison_table(scenarios: Mapping[str, Mapping[str, Runs]]) -> str:
    """A Markdown table of two systems, and how many times better the first one is.

    Args:
        scenarios: The runs of each system, by scenario; those of one system only are left out.
    """
    names = next((list(systems) for systems in scenarios.values() if len(systems) > 1), None)
    if names is None:
        return "Only one system is recorded yet."
    head = [row(["", *names, "better by"]), row(["---", *["---:"] * (len(names) + 1)])]
    return "\n".join([*head, *_lines(scenarios)])


def _lines(scenarios: Mapping[str, Mapping[str, Runs]]) -> Iterator[str]:
    for one in COMPARED:
        systems = scenarios.get(one.scenario, {}).values()
        runs = [system[one.figure] for system in systems if one.figure in system]
        if len(runs) > 1:
            ours, theirs = (statistics.median(values) for values in runs)
            better = ours / theirs if one.better == "more" else theirs / ours
            yield row([one.title, *map(cell, runs), f"{shown(better)} ×"])
