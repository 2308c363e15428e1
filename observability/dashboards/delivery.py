"""Where leads wait, and why."""

from __future__ import annotations

from observability.dashboards.asking import chosen, most, quantile, rate, total
from observability.dashboards.page import Page, Row
from observability.dashboards.panel import Kind, Panel, Query, Thresholds, Unit

_QUANTILES = (0.5, 0.95, 0.99)


def _quantiles(name: str) -> tuple[Query, ...]:
    return tuple(Query(quantile(share, name), f"{share:.0%}") for share in _QUANTILES)


_BACKLOG = Row(
    "What waits",
    (
        Panel(
            title="Leads due by route",
            description="The ten routes with most leads whose time has come. It should come back to 0 after each peak.",
            queries=(Query(f"topk(10, {most('leadgateway_leads_due', 'route')})", "{{route}}"),),
            unit=Unit.COUNT,
            empty="no route yet",
        ),
        Panel(
            title="Longest wait by route",
            description="The ten routes whose longest due lead has waited longest.",
            queries=(Query(f"topk(10, {most('leadgateway_oldest_due_seconds', 'route')})", "{{route}}"),),
            unit=Unit.SECONDS,
            thresholds=Thresholds(warn=60, bad=300),
            empty="no route yet",
        ),
        Panel(
            title="Customers down",
            description="Routes whose circuit breaker is open. A row leads to the route's pages.",
            queries=(
                Query(
                    f"max by (namespace, route) ({chosen('leadgateway_breaker_state')}) > 0",
                    absent="no breaker is open while all customers answer",
                ),
            ),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=2, bad=1, falling=True),
            empty="no customer is down",
            kind=Kind.TABLE,
        ),
        Panel(
            title="Leads waiting by state",
            description="Leads that have not come to an end. `FAILED` ones wait for their next retry.",
            queries=(Query(f"sum by (status) ({most('leadgateway_leads_waiting', 'route, status')})", "{{status}}"),),
            unit=Unit.COUNT,
            empty="no route yet",
            width=8,
        ),
        Panel(
            title="Age of these counts",
            description="One worker asks the database for all. Older than five minutes, an alert fires.",
            queries=(
                Query(most("leadgateway_backlog_age_seconds"), "age"),
                Query(most("leadgateway_backlog_query_seconds"), "time the query took"),
            ),
            unit=Unit.SECONDS,
            thresholds=Thresholds(warn=60, bad=300),
            empty="no worker tells",
            width=8,
        ),
    ),
)
_DELIVERY = Row(
    "What customers answer",
    (
        Panel(
            title="Delivery attempts by result",
            description="Of all routes together.",
            queries=(Query(rate("leadgateway_delivery_attempts_total", "result"), "{{result}}"),),
            unit=Unit.PER_SECOND,
            empty="no attempt yet",
        ),
        Panel(
            title="Failures by kind",
            description="`status` is an answer other than 2xx; the others are no answer at all.",
            queries=(
                Query(rate("leadgateway_delivery_failures_total", "kind"), "{{kind}}"),
                Query(rate("leadgateway_delivery_retries_total"), "tried again"),
            ),
            unit=Unit.PER_SECOND,
            empty="no attempt has failed",
        ),
        Panel(
            title="Time of an exchange",
            description="How long a customer's API takes to answer, whatever it answers.",
            queries=_quantiles("leadgateway_delivery_attempt_seconds"),
            unit=Unit.SECONDS,
            thresholds=Thresholds(warn=5, bad=10),
            empty="no attempt yet",
        ),
        Panel(
            title="Time from acceptance to delivery",
            description="End to end, retries included.",
            queries=_quantiles("leadgateway_lead_delivery_seconds"),
            unit=Unit.SECONDS,
            thresholds=Thresholds(warn=60, bad=600),
            empty="none delivered yet",
        ),
        Panel(
            title="Circuit breakers",
            description="Breakers that opened, and leads that were tried meanwhile. One that is answered closes it.",
            queries=(
                Query(rate("leadgateway_breaker_openings_total"), "opened"),
                Query(
                    rate("leadgateway_breaker_probes_total", "result"),
                    "tried: {{result}}",
                    absent="no breaker was open",
                ),
            ),
            unit=Unit.PER_SECOND,
            empty="no worker seen",
        ),
        Panel(
            title="Leads judged by outcome",
            description="`rejected` by the rules of their route, `mapped` for delivery; `defect` is the program's"
            " fault.",
            queries=(Query(rate("leadgateway_pipeline_outcomes_total", "outcome"), "{{outcome}}"),),
            unit=Unit.PER_SECOND,
            empty="no lead yet",
        ),
        Panel(
            title="Rejections by code",
            description="The codes of the routes' rules. One that jumps up tells of a form or a rule that has changed.",
            queries=(Query(f"topk(10, {rate('leadgateway_pipeline_rejections_total', 'code')})", "{{code}}"),),
            unit=Unit.PER_SECOND,
            empty="no lead was rejected",
        ),
    ),
)
_WORK = Row(
    "How workers find it",
    (
        Panel(
            title="Leads in workers' hands",
            description="Near the limit, more workers (or a larger limit) deliver more.",
            queries=(
                Query(total("leadgateway_deliveries_in_flight"), "in flight"),
                Query(total("leadgateway_deliveries_in_flight_limit"), "limit"),
            ),
            unit=Unit.COUNT,
            empty="no worker seen",
        ),
        Panel(
            title="Looks for due leads",
            description="By what came of them. `failed` means that the database did not answer.",
            queries=(Query(rate("leadgateway_claims_total", "outcome"), "{{outcome}}"),),
            unit=Unit.PER_SECOND,
            empty="no worker seen",
        ),
        Panel(
            title="Wake-ups",
            description="Asked for, and received by workers. `unreachable` means that Redis is away.",
            queries=(
                Query(rate("leadgateway_wakeups_sent_total", "kind, outcome"), "{{kind}}: {{outcome}}"),
                Query(rate("leadgateway_wakeups_received_total"), "received"),
            ),
            unit=Unit.PER_SECOND,
            empty="none yet",
        ),
        Panel(
            title="Sweeps",
            description="Looks that nobody called for. `leads`: some were missed by all wake-ups, as while Redis is"
            " away.",
            queries=(Query(rate("leadgateway_sweeps_total", "outcome"), "{{outcome}}"),),
            unit=Unit.PER_SECOND,
            empty="none yet",
        ),
        Panel(
            title="Schedulers",
            description="Workers that schedule wake-ups for all. One does; without one, retries wait for a sweep.",
            queries=(Query(total("leadgateway_worker_scheduler_active")),),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=1, bad=0.5, falling=True),
            empty="no worker seen",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Routes nobody knows",
            description="Routes with leads waiting that a worker has not loaded: deleted, or broken.",
            queries=(Query(most("leadgateway_worker_unknown_routes")),),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=1, bad=2),
            empty="no worker seen",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Results not written",
            description="Results of deliveries that the database does not have yet. They grow while it is away.",
            queries=(Query(total("leadgateway_results_unwritten")),),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=100, bad=1_000),
            empty="no worker seen",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Leases lost and results dropped",
            description="Leads that another worker took over, and results that came too late. Each means one more"
            " attempt, and"
            " perhaps a repeated delivery.",
            queries=(
                Query(
                    rate("leadgateway_fenced_total", "when"),
                    "lease lost {{when}}",
                    absent="no worker was stopped for long",
                ),
                Query(
                    rate("leadgateway_results_dropped_total", "reason"),
                    "dropped: {{reason}}",
                    absent="no result came too late",
                ),
            ),
            unit=Unit.PER_SECOND,
            thresholds=Thresholds(warn=0.01, bad=1),
            empty="none",
        ),
    ),
)

PAGE = Page(
    name="delivery",
    title="Delivery & backlog",
    description="Where leads wait, and why: the backlog, what customers answer, and how workers find what is due.",
    rows=(_BACKLOG, _DELIVERY, _WORK),
)
