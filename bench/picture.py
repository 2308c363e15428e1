"""A picture of a comparison, as SVG that reads on light and dark pages alike."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.comparison import COMPARED
from bench.report import Runs, shown

_WIDTH, _LABEL, _BAR, _GAP, _TOP = 840, 410, 16, 22, 54
_LONGEST = _WIDTH - _LABEL - 90
_STYLE = (
    "<style>text{fill:#24292f;font:13px system-ui,sans-serif}"
    "@media(prefers-color-scheme:dark){text{fill:#d0d7de}}</style>"
)
_COLOURS = ("#1f9d6b", "#8a94a6")


@dataclass(frozen=True, slots=True)
class Group:
    """Bars that belong together.

    Attributes:
        title: What is compared.
        better: Which way is good.
        values: By system.
    """

    title: str
    better: str
    values: Mapping[str, float]


def picture(scenarios: Mapping[str, Mapping[str, Runs]]) -> str:
    """Draw what a person asks first: posts and deliveries a second, their latency, CPU and memory.

    Args:
        scenarios: The runs of each system, by scenario; those of `DRAWN` at least.
    """
    groups = [
        Group(
            one.title,
            one.better,
            {name: statistics.median(runs[one.figure]) for name, runs in scenarios[one.scenario].items()},
        )
        for one in COMPARED
        if one.drawn
    ]
    return _svg(groups)


def _svg(groups: Sequence[Group]) -> str:
    systems = list(groups[0].values)
    step = len(systems) * _BAR + _GAP
    height = _TOP + step * len(groups) + 6
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}">',
        f"<title>{' and '.join(systems)}, measured side by side</title>",
        _STYLE,
    ]
    for number, system in enumerate(systems):
        x = _LABEL + number * 180
        lines.append(f'<rect x="{x}" y="16" width="12" height="12" fill="{_COLOURS[number]}"/>')
        lines.append(f'<text x="{x + 18}" y="27">{system}</text>')
    for number, group in enumerate(groups):
        lines += _bars(group, _TOP + number * step)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _bars(group: Group, top: int) -> list[str]:
    longest = max(group.values.values()) or 1.0
    middle = top + len(group.values) * _BAR / 2 + 4
    lines = [
        f'<text x="{_LABEL - 12}" y="{middle:.0f}" text-anchor="end">{group.title} ({group.better} is better)</text>'
    ]
    for number, value in enumerate(group.values.values()):
        y, width = top + number * _BAR, max(value / longest * _LONGEST, 1)
        lines.append(f'<rect x="{_LABEL}" y="{y}" width="{width:.0f}" height="{_BAR - 3}" fill="{_COLOURS[number]}"/>')
        lines.append(f'<text x="{_LABEL + width + 6:.0f}" y="{y + 11}">{shown(value)}</text>')
    return lines
