"""The shipped rules with less patience: the same expressions, all durations in them divided alike."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.chart.rendering import CHART

RULES = CHART / "alerts" / "lead-gateway.rules.yaml"

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RANGE = re.compile(r"\[(\d+)([smhd])\]")
_AGE = re.compile(r"(_seconds(?:_since\w*)?\{[^}]*\}\)* > )(\d+)|(_since_successful_reconcile\{[^}]*\}\)* > )(\d+)")


def shipped() -> dict[str, Any]:
    """The rule file as it is shipped."""
    content: dict[str, Any] = yaml.safe_load(RULES.read_text())
    return content


def accelerated(factor: int) -> dict[str, Any]:
    """The rule file with windows, patience and ages in seconds divided by a factor, evaluated every second."""
    content = shipped()
    for group in content["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            rule["expr"] = quicker(rule["expr"], factor)
            if "for" in rule:
                rule["for"] = _divided(rule["for"], factor)
    return content


def quicker(expression: str, factor: int) -> str:
    """An expression with its durations divided. (Bounds of histograms are no durations of ours, and stay.)"""
    scaled = _RANGE.sub(lambda match: f"[{_divided(match[1] + match[2], factor)}]", expression)
    return _AGE.sub(lambda match: f"{match[1] or match[3]}{int(match[2] or match[4]) / factor:g}", scaled)


def _divided(duration: str, factor: int) -> str:
    seconds = int(duration[:-1]) * _SECONDS[duration[-1]]
    return f"{round(1000 * seconds / factor)}ms"
