"""Whether the processes are there at all. A process that does not answer a scrape counts as gone."""

from __future__ import annotations

from observability.alerts.rule import Alert, Group
from observability.series import series

_ANY = series("leadgateway_build_info")


def _role(role: str) -> str:
    return series("leadgateway_build_info", role=role)


def _missing(role: str) -> str:
    """Installations that have processes, and none of this role."""
    return f"group by (namespace) ({_ANY}) unless on (namespace) group by (namespace) ({_role(role)})"


NO_WEBHOOK = Alert(
    name="LeadGatewayNoWebhook",
    severity="critical",
    expression=_missing("webhook"),
    lasting="2m",
    summary="No webhook is running{{ with $labels.namespace }} in {{ . }}{{ end }}",
    description="Nobody takes leads. Sources that do not try again lose theirs.",
)
NO_WORKER = Alert(
    name="LeadGatewayNoWorker",
    severity="critical",
    expression=_missing("worker"),
    lasting="2m",
    summary="No worker is running{{ with $labels.namespace }} in {{ . }}{{ end }}",
    description="Leads are accepted and stored, and nobody delivers them. They wait, and are late.",
)
ABSENT = Alert(
    name="LeadGatewayAbsent",
    severity="critical",
    # Labels of its own selector would differ between the rule file and the chart's.
    expression=f"absent(group({_ANY}))",
    lasting="5m",
    summary="Prometheus sees nothing of Lead Gateway",
    description="Either nothing of it runs, or it is not scraped, and then no other alert can fire.",
)

GROUP = Group(name="lead-gateway-presence", rules=(NO_WEBHOOK, NO_WORKER, ABSENT))
