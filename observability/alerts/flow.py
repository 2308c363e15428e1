"""Whether leads flow: into the gateway, through it, and to each customer."""

from __future__ import annotations

from observability.alerts.dependencies import REDIS_AWAY, database_away
from observability.alerts.rule import Alert, Group
from observability.series import series

_POSTS = "leadgateway_webhook_posts_total"
_ATTEMPTS = "leadgateway_delivery_attempts_total"
_WHERE = "{{ with $labels.namespace }} in {{ . }}{{ end }}"

_OPEN = f"max by (namespace, route) ({series('leadgateway_breaker_state')}) > 0"
"""Routes whose customer is left alone; they have an alert of their own."""

_DOWN = "LeadGatewayBreakerOpen"
_DOWN_LATELY = (
    f"max by (namespace, route) (last_over_time({series('ALERTS', alertname=_DOWN, alertstate='firing')}[15m]))"
)
"""Routes about whose customer somebody has been told within the time that failures are looked back at.

Not the breaker itself: one that opens and closes over and over again fires no alert of its own, and must not silence
the others. And not only while the alert fires: what failed meanwhile, and what waited, is still seen after it.
"""


def _increase(name: str, window: str, by: str = "namespace, route", **labels: str) -> str:
    return f"sum by ({by}) (increase({series(name, **labels)}[{window}]))"


INTAKE_ERRORS = Alert(
    name="LeadGatewayIntakeErrors",
    severity="critical",
    expression=(
        f"({_increase(_POSTS, '5m', outcome='unavailable', by='namespace')}"
        f" / {_increase(_POSTS, '5m', by='namespace')} > 0.05)"
        f" unless on (namespace) ({database_away('5m')})"
    ),
    lasting="2m",
    summary=f"{{{{ $value | humanizePercentage }}}} of posts are answered 5xx{_WHERE}",
    description="The gateway turns leads away by its own doing, and not because the database is away.",
)
LEADS_WAITING_TOO_LONG = Alert(
    name="LeadGatewayLeadsWaitingTooLong",
    severity="critical",
    expression=(
        f"(max by (namespace, route) ({series('leadgateway_oldest_due_seconds')}) > 300)"
        f" unless on (namespace, route) ({_OPEN})"
        f" unless on (namespace, route) ({_DOWN_LATELY})"
    ),
    lasting="2m",
    summary="A lead of {{ $labels.route }} has been due for {{ $value | humanizeDuration }}",
    description="Its time to be delivered has come, and no worker takes it. Others of the route wait behind it.",
)
ROUTE_FAILING = Alert(
    name="LeadGatewayRouteFailing",
    severity="warning",
    expression=(
        f"({_increase(_ATTEMPTS, '15m', result='failed')} / {_increase(_ATTEMPTS, '15m')} > 0.5)"
        f" and ({_increase(_ATTEMPTS, '15m', result='failed')} > 5)"
        f" unless on (namespace, route) ({_DOWN_LATELY})"
    ),
    lasting="5m",
    summary="{{ $value | humanizePercentage }} of deliveries of {{ $labels.route }} fail",
    description="The customer's API refuses or breaks more than every second delivery, and still answers some.",
)
BREAKER_OPEN = Alert(
    name=_DOWN,
    severity="warning",
    expression=_OPEN,
    lasting="1m",
    summary="The customer of {{ $labels.route }} is down and is left alone",
    description="Deliveries fail one after the other. Leads wait, and one is tried now and then until one is taken.",
)
LEADS_GIVEN_UP = Alert(
    name="LeadGatewayLeadsGivenUp",
    severity="warning",
    expression=f"{_increase('leadgateway_leads_finished_total', '1h', status='PERMANENTLY_FAILED')} > 10",
    lasting="1m",
    summary="{{ $value | humanize }} leads of {{ $labels.route }} were given up within an hour",
    description="They are in the dead-letter queue and stay there until somebody replays them.",
)
BACKLOG_UNKNOWN = Alert(
    name="LeadGatewayBacklogUnknown",
    severity="warning",
    expression=(
        f"((max by (namespace) ({series('leadgateway_backlog_age_seconds')}) > 300)"
        f" or (sum by (namespace) ({series('leadgateway_backlog_exporter')}) == 0))"
        f" unless on (namespace) ({database_away('5m')})"
    ),
    lasting="5m",
    summary=f"No worker tells what waits{_WHERE}",
    description="Leads may wait too long without an alert: the counts of the backlog are old or missing.",
)
NO_SCHEDULER = Alert(
    name="LeadGatewayNoScheduler",
    severity="warning",
    expression=(
        f"(sum by (namespace) ({series('leadgateway_worker_scheduler_active')}) == 0)"
        f" unless on (namespace) ({REDIS_AWAY})"
    ),
    lasting="15m",
    summary=f"No worker schedules wake-ups{_WHERE}",
    description="Retries wait for the next sweep, some seconds longer than they should. No lead is lost.",
)
DEFECT = Alert(
    name="LeadGatewayDefect",
    severity="warning",
    expression=(
        f"({_increase('leadgateway_worker_defects_total', '15m', by='namespace')} > 0)"
        f" or ({_increase('leadgateway_pipeline_outcomes_total', '15m', outcome='defect', by='namespace')} > 0)"
        f" or ({_increase('leadgateway_webhook_refusals_total', '15m', code='internal_error', by='namespace')} > 0)"
    ),
    lasting="0s",
    summary=f"Lead Gateway failed by a fault of its own{_WHERE}",
    description="A post or a lead met a defect of the program. The log has the place in it.",
)

GROUP = Group(
    name="lead-gateway-flow",
    rules=(
        INTAKE_ERRORS,
        BREAKER_OPEN,  # before those that ask whether it fires
        LEADS_WAITING_TOO_LONG,
        ROUTE_FAILING,
        LEADS_GIVEN_UP,
        BACKLOG_UNKNOWN,
        NO_SCHEDULER,
        DEFECT,
    ),
)
