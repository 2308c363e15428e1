"""The two objectives, and how fast their error budgets burn.

Windows and rates are those of the Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts": 2 % of
30 days' budget in an hour, 5 % in six, 10 % in one day or in three. The short window ends an alert soon after its
cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from observability.alerts.dependencies import database_away
from observability.alerts.rule import Alert, Group, Recording, Severity
from observability.series import series

_POSTS = "leadgateway_webhook_post_seconds"
_OUTCOMES = "leadgateway_lead_first_outcome_seconds"
_LEAST_BAD = 5
"""Bad events below which nothing fires: at night, one slow post of ten is no incident."""


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast a budget may burn, seen over a long and a short window, before somebody is told."""

    long: str
    short: str
    rate: float
    severity: Severity


BURNS = (
    Burn("1h", "5m", 14.4, "critical"),
    Burn("6h", "30m", 6, "critical"),
    Burn("1d", "2h", 3, "warning"),
    Burn("3d", "6h", 1, "warning"),
)
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A promise about a share of events.

    Attributes:
        name: Of its alert.
        promise: For people.
        budget: The share that may be bad.
        all: Recorded name of all events, without its window.
        bad: Recorded name of the bad ones, without its window.
    """

    name: str
    promise: str
    budget: float
    all: str
    bad: str


INTAKE = Objective(
    name="LeadGatewayIntakeBudgetBurn",
    promise="99.9 % of posts are answered within 500 ms",
    budget=0.001,
    all="namespace:leadgateway_posts:increase",
    bad="namespace:leadgateway_posts_missed:increase",
)
PROCESSING = Objective(
    name="LeadGatewayProcessingBudgetBurn",
    promise="99 % of accepted leads have a final state or a scheduled retry within 60 s",
    budget=0.01,
    all="namespace:leadgateway_first_outcomes:increase",
    bad="namespace:leadgateway_first_outcomes_late:increase",
)


def _total(name: str, window: str, **labels: str) -> str:
    return f"sum by (namespace) (increase({series(name, **labels)}[{window}]))"


def _recordings() -> Iterator[Recording]:
    for window in WINDOWS:
        posts = _total(f"{_POSTS}_count", window)
        slow = f"({posts} - {_total(f'{_POSTS}_bucket', window, le='0.5')})"
        # A refusal of the gateway's own is bad however fast it came; there is no series before the first one.
        refused = _total("leadgateway_webhook_posts_total", window, outcome="unavailable")
        yield Recording(name=f"{INTAKE.all}{window}", expression=posts)
        yield Recording(name=f"{INTAKE.bad}{window}", expression=f"{slow} + ({refused} or 0 * {posts})")
        outcomes = _total(f"{_OUTCOMES}_count", window)
        in_time = _total(f"{_OUTCOMES}_bucket", window, le="60.0")
        yield Recording(name=f"{PROCESSING.all}{window}", expression=outcomes)
        yield Recording(name=f"{PROCESSING.bad}{window}", expression=f"{outcomes} - {in_time}")


def _burns(objective: Objective, burn: Burn) -> str:
    """Installations whose budget burns this fast over both windows, and not because the database was away."""
    limit = f"{burn.rate * objective.budget:g}"
    ratios = [
        f"({series(objective.bad + window)} / {series(objective.all + window)} > {limit})"
        for window in (burn.long, burn.short)
    ]
    enough = f"({series(objective.bad + burn.long)} > {_LEAST_BAD})"
    return f"({' and '.join([*ratios, enough])} unless on (namespace) ({database_away(burn.short)}))"


def _alert(objective: Objective, severity: Severity) -> Alert:
    burns = [_burns(objective, burn) for burn in BURNS if burn.severity == severity]
    speed = "fast" if severity == "critical" else "slowly"
    return Alert(
        name=objective.name,
        severity=severity,
        expression=" or ".join(burns),
        lasting="2m" if severity == "critical" else "15m",
        summary=f"The error budget burns {speed}: {{{{ $value | humanizePercentage }}}} miss the objective",
        description=f"The objective: {objective.promise}."
        + (" At this rate the budget of a month is gone within days." if severity == "critical" else ""),
    )


GROUPS = (
    Group(name="lead-gateway-objectives", interval="1m", rules=tuple(_recordings())),
    Group(
        name="lead-gateway-budgets",
        rules=tuple(
            _alert(objective, severity) for objective in (INTAKE, PROCESSING) for severity in ("critical", "warning")
        ),
    ),
)
