"""Whether what was declared is what runs."""

from __future__ import annotations

from observability.alerts.rule import Alert, Group
from observability.series import series

_WHERE = "{{ with $labels.namespace }} in {{ . }}{{ end }}"
_ROLES = ("webhook", "worker")

_NOT_RUN = " or ".join(series(f"leadgateway_{role}_routes", state="~broken|pending") for role in _ROLES)
_FAULTS = " or ".join(series(f"leadgateway_{role}_config_faults") for role in _ROLES)
_HASHES = " or ".join(series(f"leadgateway_{role}_route_table_hash") for role in _ROLES)
_OPERATOR = series("leadgateway_build_info", role="operator")
_SINCE_SUCCESS = series("leadgateway_operator_seconds_since_successful_reconcile")

CONFIGURATION_BROKEN = Alert(
    name="LeadGatewayConfigurationBroken",
    severity="warning",
    expression=f"(max by (namespace) ({_NOT_RUN}) > 0) or (max by (namespace) ({_FAULTS}) > 0)",
    lasting="2m",
    summary=f"What is published can't be run whole{_WHERE}",
    description="A published route is broken or lacks its credentials. Its last good version goes on, if there is one;"
    " without one its posts are answered 503. Other routes are not touched.",
)
ROUTE_REFUSED = Alert(
    name="LeadGatewayRouteRefused",
    severity="warning",
    expression=(
        "max by (namespace, condition)"
        f" ({series('leadgateway_operator_routes', condition='~Accepted|Programmed', status='False')}) > 0"
    ),
    lasting="15m",
    summary="{{ $value }} LeadRoutes are not {{ $labels.condition }}",
    description="Somebody applied a LeadRoute that does not take effect. The last accepted version goes on.",
)
ROUTES_DIFFER = Alert(
    name="LeadGatewayRoutesDiffer",
    severity="warning",
    expression=f"max by (namespace) ({_HASHES}) - min by (namespace) ({_HASHES}) > 0",
    lasting="10m",
    summary=f"Processes run different routes{_WHERE}",
    description="A pod has not loaded the last change. Leads are judged by the old version or the new one by chance.",
)
OPERATOR_STALLED = Alert(
    name="LeadGatewayOperatorStalled",
    severity="warning",
    # Without an operator no process is missing where somebody else publishes: it is missed for a day after it was seen.
    expression=(
        f"(max by (namespace) ({_SINCE_SUCCESS}) > 600)"
        f" or (group by (namespace) (last_over_time({_OPERATOR}[1d]))"
        f" unless on (namespace) group by (namespace) ({_OPERATOR}))"
    ),
    lasting="5m",
    summary=f"The operator does not rebuild the configuration{_WHERE}",
    description="Leads flow on by the last configuration. Changes to LeadRoutes and Secrets do not take effect.",
)

GROUP = Group(
    name="lead-gateway-configuration", rules=(CONFIGURATION_BROKEN, ROUTE_REFUSED, ROUTES_DIFFER, OPERATOR_STALLED)
)
