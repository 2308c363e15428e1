"""The alerts, group by group, and the rule file that is made of them."""

from __future__ import annotations

from observability.alerts import budgets, configuration, dependencies, flow, presence
from observability.alerts.rule import Alert, Group

__all__ = ["GROUPS", "Alert", "Group", "alerts"]

GROUPS: tuple[Group, ...] = (
    presence.GROUP,
    dependencies.GROUP,
    flow.GROUP,
    configuration.GROUP,
    *budgets.GROUPS,
)
"""In the order of the rule file."""


def alerts() -> tuple[Alert, ...]:
    """Every alert of every group."""
    return tuple(rule for group in GROUPS for rule in group.rules if isinstance(rule, Alert))
