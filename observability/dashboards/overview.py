"""Is it well? What an SRE looks at first."""

from __future__ import annotations

from observability.dashboards.asking import chosen, increase, least, most, quantile, rate, total, within
from observability.dashboards.page import Page, Row
from observability.dashboards.panel import Kind, Panel, Query, Thresholds, Unit

_ALERTS = chosen("ALERTS", alertname="~LeadGateway.*", alertstate="firing")

_NOW = Row(
    "Do leads flow?",
    (
        Panel(
            title="Firing alerts",
            description="Alerts of Lead Gateway that fire now. Each links to its runbook, which says what to do.",
            queries=(Query(f"count({_ALERTS}) or vector(0)"),),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=1, bad=2),
            empty="0",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Leads accepted",
            description="Posts that were answered 200 as new leads, a second.",
            queries=(Query(rate("leadgateway_webhook_posts_total", outcome="accepted")),),
            unit=Unit.PER_SECOND,
            empty="no post yet",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Leads delivered",
            description="Leads that a customer took, a second. Over a while it keeps up with those accepted.",
            queries=(Query(rate("leadgateway_leads_finished_total", status="DELIVERED")),),
            unit=Unit.PER_SECOND,
            empty="none delivered yet",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Leads due",
            description="Leads whose time has come, those in a worker's hands included. Near 0 when all is well.",
            queries=(Query(f"sum({most('leadgateway_leads_due', 'namespace, route')})"),),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=1_000, bad=10_000),
            empty="no route yet",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Longest wait",
            description="How long the longest due lead has waited since its time came. After five minutes an alert"
            " fires.",
            queries=(Query(most("leadgateway_oldest_due_seconds")),),
            unit=Unit.SECONDS,
            thresholds=Thresholds(warn=60, bad=300),
            empty="no route yet",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Customers down",
            description="Routes whose circuit breaker is open: their customer fails and is left alone for a while.",
            queries=(
                Query(f"count(max by (namespace, route) ({chosen('leadgateway_breaker_state')}) > 0) or vector(0)"),
            ),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=1, bad=5),
            empty="0",
            kind=Kind.NUMBER,
        ),
    ),
)
_OBJECTIVES = Row(
    "Are the promises kept?",
    (
        Panel(
            title="Posts answered within 500 ms",
            description="Of all posts in the time shown. The objective is 99.9 % over 30 days.",
            queries=(Query(within("leadgateway_webhook_post_seconds", "0.5")),),
            unit=Unit.SHARE,
            thresholds=Thresholds(warn=0.999, bad=0.99, falling=True),
            empty="no post yet",
            kind=Kind.NUMBER,
            width=6,
        ),
        Panel(
            title="Leads with an outcome within 60 s",
            description="Of all leads that had their first outcome in the time shown: delivered, rejected, given up, or"
            " a retry scheduled. The objective is 99 % over 30 days.",
            queries=(Query(within("leadgateway_lead_first_outcome_seconds", "60.0")),),
            unit=Unit.SHARE,
            thresholds=Thresholds(warn=0.99, bad=0.95, falling=True),
            empty="no lead yet",
            kind=Kind.NUMBER,
            width=6,
        ),
        Panel(
            title="Database",
            description="1 while every webhook and worker reaches PostgreSQL. Without it posts are answered 503.",
            queries=(
                Query(
                    f"min({chosen('leadgateway_webhook_database_available')}"
                    f" or {chosen('leadgateway_worker_database_available')})"
                ),
            ),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=1, bad=0.5, falling=True),
            empty="no process seen",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Redis",
            description="1 while every worker reaches Redis. Without it leads wait a few seconds longer, and none is"
            " lost.",
            queries=(Query(least("leadgateway_worker_redis_available")),),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=1, bad=0.5, falling=True),
            empty="no worker seen",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Processes",
            description="Processes that answer Prometheus, by role. A role that is missing here is not running.",
            queries=(Query(f"count by (role) ({chosen('leadgateway_build_info')})", "{{role}}"),),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=1, bad=0.5, falling=True),
            empty="none seen",
            kind=Kind.NUMBER,
        ),
    ),
)
_FLOW = Row(
    "In and out",
    (
        Panel(
            title="Posts by outcome",
            description="What webhooks answered. `refused` is the source's doing (4xx), `unavailable` the gateway's"
            " (5xx).",
            queries=(Query(rate("leadgateway_webhook_posts_total", "outcome"), "{{outcome}}"),),
            unit=Unit.PER_SECOND,
            empty="no post yet",
        ),
        Panel(
            title="Leads by their end",
            description="`DELIVERED` should be most of them; `PERMANENTLY_FAILED` are in the dead-letter queue.",
            queries=(Query(rate("leadgateway_leads_finished_total", "status"), "{{status}}"),),
            unit=Unit.PER_SECOND,
            empty="no lead has ended yet",
        ),
        Panel(
            title="Time to answer a post",
            description="From the end of a post's headers to its answer, commit included.",
            queries=tuple(
                Query(quantile(share, "leadgateway_webhook_post_seconds"), f"{share:.0%}")
                for share in (0.5, 0.95, 0.99)
            ),
            unit=Unit.SECONDS,
            thresholds=Thresholds(warn=0.25, bad=0.5),
            empty="no post yet",
        ),
        Panel(
            title="Time to the first outcome",
            description="From acceptance until a lead is delivered, rejected, given up, or its retry is scheduled.",
            queries=tuple(
                Query(quantile(share, "leadgateway_lead_first_outcome_seconds"), f"{share:.0%}")
                for share in (0.5, 0.95, 0.99)
            ),
            unit=Unit.SECONDS,
            thresholds=Thresholds(warn=10, bad=60),
            empty="no lead yet",
        ),
    ),
)
_ROUTES = Row(
    "Which customer?",
    (
        Panel(
            title="Routes that wait longest",
            description="The ten routes whose longest due lead has waited longest. A row leads to the route's pages.",
            queries=(Query(f"topk(10, {most('leadgateway_oldest_due_seconds', 'namespace, route')})"),),
            unit=Unit.SECONDS,
            thresholds=Thresholds(warn=60, bad=300),
            empty="no route yet",
            kind=Kind.TABLE,
        ),
        Panel(
            title="Routes that fail most",
            description="The ten routes with the largest share of failed deliveries in the time shown.",
            queries=(
                Query(
                    f"topk(10, {increase('leadgateway_delivery_attempts_total', 'namespace, route', result='failed')}"
                    f" / {increase('leadgateway_delivery_attempts_total', 'namespace, route')})"
                ),
            ),
            unit=Unit.SHARE,
            thresholds=Thresholds(warn=0.1, bad=0.5),
            empty="no delivery has failed",
            kind=Kind.TABLE,
        ),
        Panel(
            title="Routes with most leads",
            description="The ten routes with the most posts in the time shown.",
            queries=(
                Query(
                    f"topk(10, {increase('leadgateway_webhook_posts_total', 'namespace, route', outcome='accepted')})"
                ),
            ),
            unit=Unit.COUNT,
            empty="no post yet",
            kind=Kind.TABLE,
        ),
        Panel(
            title="Leads waiting by state",
            description="Leads that have not come to an end. `FAILED` ones wait for their next retry.",
            queries=(
                Query(
                    f"sum by (status) ({most('leadgateway_leads_waiting', 'namespace, route, status')})", "{{status}}"
                ),
            ),
            unit=Unit.COUNT,
            empty="no route yet",
        ),
        Panel(
            title="Broken routes",
            description="Published routes that a process does not run. 0 when all is well.",
            queries=tuple(
                Query(total(f"leadgateway_{role}_routes", "state", state="~broken|pending"), f"{role}: {{{{state}}}}")
                for role in ("webhook", "worker")
            ),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=1, bad=2),
            empty="no process seen",
        ),
    ),
)

PAGE = Page(
    name="overview",
    title="Overview",
    description="Is it well? Whether leads flow, where they wait, and which customer fails.",
    rows=(_NOW, _OBJECTIVES, _FLOW, _ROUTES),
)
