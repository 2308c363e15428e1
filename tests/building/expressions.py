"""What a PromQL expression asks for."""

from __future__ import annotations

import re

from leadgateway.telemetry.catalogue import CATALOGUE
from leadgateway.telemetry.catalogue.definition import HistogramMetric

_NAME = re.compile(r"\b(?:namespace:)?leadgateway_[a-z_]+(?::increase\d+[mhd])?")
_SELECTOR = re.compile(r"(leadgateway_[a-z_]+)\{([^}]*)\}")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")

OF_THE_SCRAPE = {"namespace", "pod", "job", "instance"}
"""Labels that Prometheus adds to every series."""

PROCESS_METRICS = {
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_max_fds",
    "process_start_time_seconds",
}


def exposed() -> dict[str, set[str]]:
    """The labels of every series that a process may expose, by its name as it is scraped."""
    found: dict[str, set[str]] = {}
    for metric in CATALOGUE:
        labels = set(metric.labels)
        if isinstance(metric, HistogramMetric):
            found |= {f"{metric.name}_count": labels, f"{metric.name}_sum": labels}
            found[f"{metric.name}_bucket"] = labels | {"le"}
        else:
            found[metric.name] = labels
    return found


def names(text: str) -> set[str]:
    """The metrics and recorded series of ours that a text names."""
    return set(_NAME.findall(text))


def unknown_labels(expression: str) -> list[str]:
    """Labels that are selected by, and that the metric does not have."""
    known = exposed()
    return [
        f"{name}: {label}"
        for name, matchers in _SELECTOR.findall(expression)
        if name in known
        for label in _LABEL.findall(matchers)
        if label not in known[name] | OF_THE_SCRAPE
    ]
