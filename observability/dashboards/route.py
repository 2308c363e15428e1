"""One customer: what comes for it, what waits, and what its API answers."""

from __future__ import annotations

from observability.dashboards.asking import increase, most, rate
from observability.dashboards.page import Page, Row
from observability.dashboards.panel import Kind, Panel, Query, Thresholds, Unit

ROUTE = "~$route"
_NOT_OPEN = "a closed breaker has no series"

_NOW = Row(
    "How is it?",
    (
        Panel(
            title="Leads accepted",
            description="New leads in the time shown.",
            queries=(Query(increase("leadgateway_webhook_posts_total", route=ROUTE, outcome="accepted")),),
            unit=Unit.COUNT,
            empty="no post yet",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Leads delivered",
            description="Leads that the customer took in the time shown.",
            queries=(Query(increase("leadgateway_leads_finished_total", route=ROUTE, status="DELIVERED")),),
            unit=Unit.COUNT,
            empty="none delivered",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Leads given up",
            description="Leads that ended PERMANENTLY_FAILED in the time shown. They stay in the dead-letter queue"
            " until"
            " somebody replays them.",
            queries=(
                Query(
                    increase("leadgateway_leads_finished_total", route=ROUTE, status="PERMANENTLY_FAILED"),
                ),
            ),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=1, bad=10),
            empty="none",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Leads due",
            description="Leads whose time has come, those in a worker's hands included.",
            queries=(Query(most("leadgateway_leads_due", route=ROUTE)),),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=100, bad=1_000),
            empty="not known",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Longest wait",
            description="How long the longest due lead has waited since its time came. After five minutes an alert"
            " fires.",
            queries=(Query(most("leadgateway_oldest_due_seconds", route=ROUTE)),),
            unit=Unit.SECONDS,
            thresholds=Thresholds(warn=60, bad=300),
            empty="not known",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Circuit breaker",
            description="1: open, the customer fails and is left alone. 2: one lead is being tried.",
            queries=(Query(most("leadgateway_breaker_state", route=ROUTE), absent=_NOT_OPEN),),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=2, bad=1, falling=True),
            empty="closed",
            kind=Kind.NUMBER,
        ),
    ),
)
_FLOW = Row(
    "In and out",
    (
        Panel(
            title="Posts by outcome",
            description="`refused` is the source's doing (4xx), `rate_limited` more than the route takes, `unavailable`"
            " the"
            " gateway's (5xx).",
            queries=(Query(rate("leadgateway_webhook_posts_total", "outcome", route=ROUTE), "{{outcome}}"),),
            unit=Unit.PER_SECOND,
            empty="no post yet",
        ),
        Panel(
            title="Delivery attempts by result",
            description="`failed` ones are tried again or end the lead, as the customer's answer says.",
            queries=(Query(rate("leadgateway_delivery_attempts_total", "result", route=ROUTE), "{{result}}"),),
            unit=Unit.PER_SECOND,
            empty="no attempt yet",
        ),
        Panel(
            title="Share of attempts that fail",
            description="Above a half for a quarter of an hour, an alert fires.",
            queries=(
                Query(
                    f"{rate('leadgateway_delivery_attempts_total', route=ROUTE, result='failed')}"
                    f" / {rate('leadgateway_delivery_attempts_total', route=ROUTE)}",
                    "failed",
                ),
            ),
            unit=Unit.SHARE,
            thresholds=Thresholds(warn=0.1, bad=0.5),
            empty="no delivery has failed",
        ),
        Panel(
            title="Leads waiting by state",
            description="`FAILED` ones wait for their next retry; the others for a worker, or for the route to be"
            " unpaused.",
            queries=(Query(most("leadgateway_leads_waiting", "status", route=ROUTE), "{{status}}"),),
            unit=Unit.COUNT,
            empty="not known",
        ),
        Panel(
            title="Leads by their end",
            description="`REJECTED` by the route's rules or a missing field; `PERMANENTLY_FAILED` by the customer.",
            queries=(Query(rate("leadgateway_leads_finished_total", "status", route=ROUTE), "{{status}}"),),
            unit=Unit.PER_SECOND,
            empty="no lead has ended yet",
        ),
        Panel(
            title="Wait of the longest due lead",
            description="It rises where leads come faster than the customer takes them, and falls as they are worked"
            " off.",
            queries=(Query(most("leadgateway_oldest_due_seconds", route=ROUTE), "longest wait"),),
            unit=Unit.SECONDS,
            thresholds=Thresholds(warn=60, bad=300),
            empty="not known",
        ),
    ),
)

PAGE = Page(
    name="route",
    title="Route",
    description="One customer: what comes for it, what waits, and what its API answers.",
    rows=(_NOW, _FLOW),
    by_route=True,
)
