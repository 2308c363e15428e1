"""Figures as people read them: medians with least and greatest, and what one system takes of another."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

Runs = Mapping[str, Sequence[float]]
"""The values of each figure, one a run."""


def by_figure(runs: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Turn runs of figures into figures of runs."""
    return {name: [run[name] for run in runs] for name in runs[0]}


def shown(value: float) -> str:
    """With about three digits."""
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3}f}"


def cell(values: Sequence[float]) -> str:
    """Median, and least and greatest where they differ."""
    middle = shown(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({shown(min(values))}–{shown(max(values))})"


def table(systems: Mapping[str, Runs]) -> str:
    """A Markdown table of all systems of a scenario, and how many times the first one's figure the others' are."""
    names = list(systems)
    first, *others = (systems[name] for name in names)
    heads = ["figure", *names, *(f"{name} / {names[0]}" for name in names[1:])]
    lines = [row(heads), row(["---", *["---:"] * (len(heads) - 1)])]
    for figure, values in first.items():
        cells = [cell(system[figure]) if figure in system else "–" for system in systems.values()]
        lines.append(row([figure, *cells, *(_ratio(values, other.get(figure)) for other in others)]))
    return "\n".join(lines)


def growth_table(scenarios: Mapping[str, tuple[str, Runs]], start: str) -> str:
    """A Markdown table of how figures change with size: the medians of each scenario, and relative to the first.

    Args:
        scenarios: What each means and its figures, by name.
        start: The scenario that the others are held against.
    """
    _, base = scenarios[start]
    figures = [figure for figure in base if "/s" in figure or "CPU s" in figure]
    lines = [row(["scenario", *figures]), row(["---", *["---:"] * len(figures)])]
    for name, (meaning, runs) in scenarios.items():
        cells = []
        for figure in figures:
            value, first = statistics.median(runs[figure]), statistics.median(base[figure])
            change = f" ({(value / first - 1) * 100:+.0f} %)" if name != start and first else ""
            cells.append(shown(value) + change)
        lines.append(row([meaning, *cells]))
    return "\n".join(lines)


def _ratio(values: Sequence[float], others: Sequence[float] | None) -> str:
    if others is None or not statistics.median(values):
        return "–"
    return f"{shown(statistics.median(others) / statistics.median(values))} ×"


def row(cells: Sequence[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"
