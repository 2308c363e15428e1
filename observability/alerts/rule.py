"""What a rule is made of, and how Prometheus wants to read it.

Format: https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

RUNBOOKS = "docs/runbooks"
"""Where the runbooks are in the repository. The chart, or whoever imports the rule file, puts an address before it."""

Severity = Literal["critical", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A condition that somebody has to act on.

    Attributes:
        name: Also the name of its runbook.
        severity: `critical` wakes somebody up: leads are at risk or late. `warning` can wait for working hours.
        expression: PromQL; what it returns is firing.
        lasting: How long it must hold, as Prometheus writes durations.
        summary: One line, with the labels that say where.
        description: What it means for leads, in a sentence or two.
    """

    name: str
    severity: Severity
    expression: str
    lasting: str
    summary: str
    description: str

    def to_dict(self) -> dict[str, Any]:
        """As in a rule file."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.lasting,
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{RUNBOOKS}/{self.name}.md",
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A series that Prometheus computes and keeps, for what several rules ask.

    Attributes:
        name: `level:metric:operations`, by Prometheus' conventions.
        expression: PromQL.
    """

    name: str
    expression: str

    def to_dict(self) -> dict[str, Any]:
        """As in a rule file."""
        return {"record": self.name, "expr": self.expression}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rules that are evaluated one after the other.

    Attributes:
        name: Unique in the file.
        interval: How often, as Prometheus writes durations.
        rules: A recording before what asks for it.
    """

    name: str
    rules: tuple[Alert | Recording, ...]
    interval: str = "30s"

    def to_dict(self) -> dict[str, Any]:
        """As in a rule file."""
        return {"name": self.name, "interval": self.interval, "rules": [rule.to_dict() for rule in self.rules]}
