"""PostgreSQL and Redis, as the gateway sees them."""

from __future__ import annotations

from observability.alerts.rule import Alert, Group
from observability.series import series

_DATABASE = "leadgateway_webhook_database_available", "leadgateway_worker_database_available"


def database_away(window: str) -> str:
    """Installations with a process that could not reach PostgreSQL at some time within a window.

    What follows from that is left out of other alerts: one cause, one page.
    """
    either = " or ".join(f"min_over_time({series(name)}[{window}])" for name in _DATABASE)
    return f"min by (namespace) ({either}) == 0"


_REDIS_AVAILABLE = series("leadgateway_worker_redis_available")
REDIS_AWAY = f"min by (namespace) ({_REDIS_AVAILABLE}) == 0"
"""Installations with a worker that wake-ups can't reach."""

DATABASE_UNAVAILABLE = Alert(
    name="LeadGatewayDatabaseUnavailable",
    severity="critical",
    expression=f"min by (namespace) ({' or '.join(map(series, _DATABASE))}) == 0",
    lasting="1m",
    summary="PostgreSQL can't be reached{{ with $labels.namespace }} from {{ . }}{{ end }}",
    description="Posts are answered 503, and nothing is delivered. Sources that do not try again lose their leads.",
)
DATABASE_CONNECTIONS = Alert(
    name="LeadGatewayDatabaseConnections",
    severity="warning",
    expression=(
        f"max by (namespace) ({series('leadgateway_database_server_connections')})"
        f" / max by (namespace) ({series('leadgateway_database_server_connections_limit')}) > 0.85"
    ),
    lasting="5m",
    summary="PostgreSQL has {{ $value | humanizePercentage }} of its connections in use",
    description="Once they are used up, pods that start or reconnect are refused, and leads with them.",
)
REDIS_UNAVAILABLE = Alert(
    name="LeadGatewayRedisUnavailable",
    severity="warning",
    expression=REDIS_AWAY,
    lasting="5m",
    summary="Redis can't be reached{{ with $labels.namespace }} from {{ . }}{{ end }}",
    description="No lead is lost. Each waits for the next sweep, a few seconds, and webhooks count rate limits alone.",
)

GROUP = Group(name="lead-gateway-dependencies", rules=(DATABASE_UNAVAILABLE, DATABASE_CONNECTIONS, REDIS_UNAVAILABLE))
