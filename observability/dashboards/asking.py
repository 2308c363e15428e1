"""Expressions that panels have in common, for the installation that is chosen at the top of the page."""

from __future__ import annotations

from observability.series import CHOSEN_INSTALLATION, series

RATE = "$__rate_interval"
"""Grafana's: four scrapes at least, more where a page shows a long time."""
RANGE = "$__range"
"""Grafana's: all the time that is shown."""


def chosen(name: str, **labels: str) -> str:
    """A selector for what is chosen at the top of the page."""
    return series(name, CHOSEN_INSTALLATION, **labels)


def rate(name: str, by: str = "", **labels: str) -> str:
    """Events a second, of all processes together.

    Args:
        name: A counter.
        by: The labels to tell apart by.
        labels: What to select by.
    """
    return f"sum{_by(by)} (rate({chosen(name, **labels)}[{RATE}]))"


def increase(name: str, by: str = "", window: str = RANGE, **labels: str) -> str:
    """Events within a window, by default all that is shown; otherwise as `rate`."""
    return f"sum{_by(by)} (increase({chosen(name, **labels)}[{window}]))"


def total(name: str, by: str = "", **labels: str) -> str:
    """A gauge over all processes."""
    return f"sum{_by(by)} ({chosen(name, **labels)})"


def most(name: str, by: str = "", **labels: str) -> str:
    """The largest value of a gauge; for what one worker tells for all, its value."""
    return f"max{_by(by)} ({chosen(name, **labels)})"


def least(name: str, by: str = "", **labels: str) -> str:
    """The smallest value of a gauge."""
    return f"min{_by(by)} ({chosen(name, **labels)})"


def quantile(share: float, name: str) -> str:
    """What this share of the observations of a histogram stays below."""
    return f"histogram_quantile({share:g}, {rate(f'{name}_bucket', 'le')})"


def within(name: str, bound: str) -> str:
    """The share of the observations of a histogram up to the bound of a bucket, over all that is shown."""
    return f"{increase(f'{name}_bucket', le=bound)} / {increase(f'{name}_count')}"


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""
