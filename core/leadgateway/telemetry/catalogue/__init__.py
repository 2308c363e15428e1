"""Every metric of the system: name, meaning, labels and who exposes it.

The processes register what stands here, `docs/metrics.md` is written from it, and a test compares it with what each
process really exposes. A new metric is added to the module of its part, and to that module's `METRICS`.
"""

from __future__ import annotations

from leadgateway.telemetry.catalogue import backlog, console, operator, shared, webhook, worker
from leadgateway.telemetry.catalogue.definition import Metric, Role

__all__ = ["CATALOGUE", "Metric", "Role", "of_role"]

CATALOGUE: tuple[Metric, ...] = (
    *shared.METRICS,
    *webhook.METRICS,
    *worker.METRICS,
    *backlog.METRICS,
    *operator.METRICS,
    *console.METRICS,
)
"""All of them."""


def of_role(role: Role) -> tuple[Metric, ...]:
    """What one role exposes, besides what prometheus_client says of every process."""
    return tuple(metric for metric in CATALOGUE if role in metric.roles)
