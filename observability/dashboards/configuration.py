"""Whether what was declared is what runs."""

from __future__ import annotations

from observability.dashboards.asking import chosen, most, quantile, rate, total
from observability.dashboards.page import Page, Row
from observability.dashboards.panel import Kind, Panel, Query, Thresholds, Unit

_ROLES = ("webhook", "worker")
_HASHES = " or ".join(chosen(f"leadgateway_{role}_route_table_hash") for role in _ROLES)

_NOW = Row(
    "Does it run?",
    (
        Panel(
            title="Since the last rebuild",
            description="The operator rebuilds everything every minute. After ten without a success an alert fires.",
            queries=(Query(most("leadgateway_operator_seconds_since_successful_reconcile")),),
            unit=Unit.SECONDS,
            thresholds=Thresholds(warn=120, bad=600),
            empty="no operator",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="LeadRoutes ready",
            description="LeadRoutes whose newest generation runs in every pod.",
            queries=(Query(total("leadgateway_operator_routes", condition="Ready", status="True")),),
            unit=Unit.COUNT,
            empty="no operator",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="LeadRoutes refused",
            description="LeadRoutes whose newest generation was not accepted; the one before goes on. `kubectl get lr"
            " -A -o wide`"
            " names them.",
            queries=(Query(total("leadgateway_operator_routes", condition="Accepted", status="False")),),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=1, bad=5),
            empty="no operator",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Sets of routes that run",
            description="1 when all processes run the same. More for some seconds after a change.",
            queries=(Query(f"count(count_values('hash', {_HASHES}))"),),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=2, bad=3),
            empty="no process seen",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Broken or pending routes",
            description="Published versions that a process does not run. The log of that process says which and why.",
            queries=(
                Query(
                    "max("
                    + " or ".join(chosen(f"leadgateway_{role}_routes", state="~broken|pending") for role in _ROLES)
                    + ")"
                ),
            ),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=1, bad=2),
            empty="no process seen",
            kind=Kind.NUMBER,
        ),
        Panel(
            title="Faulty folders",
            description="Mounted folders whose last good contents go on because the present ones can't be used.",
            queries=(
                Query("max(" + " or ".join(chosen(f"leadgateway_{role}_config_faults") for role in _ROLES) + ")"),
            ),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=1, bad=2),
            empty="no process seen",
            kind=Kind.NUMBER,
        ),
    ),
)
_RUNNING = Row(
    "What processes run",
    (
        Panel(
            title="Routes by state",
            description="The most of any process. `pending` ones wait for their credentials, `broken` ones can't be"
            " run.",
            queries=tuple(
                Query(most(f"leadgateway_{role}_routes", "state"), f"{role}: {{{{state}}}}") for role in _ROLES
            ),
            unit=Unit.COUNT,
            empty="no process seen",
        ),
        Panel(
            title="Age of the route table",
            description="Since when each role has run the same routes; the oldest process. It falls to 0 with each"
            " change.",
            queries=tuple(
                Query(f"time() - min({chosen(f'leadgateway_{role}_route_table_loaded_timestamp_seconds')})", role)
                for role in _ROLES
            ),
            unit=Unit.SECONDS,
            empty="no process seen",
        ),
        Panel(
            title="Versions",
            description="Processes by role and version. Two versions of a role for long mean an upgrade that is stuck.",
            queries=(Query(f"count by (role, version) ({chosen('leadgateway_build_info')})", "{{role}} {{version}}"),),
            unit=Unit.COUNT,
            empty="no process seen",
        ),
        Panel(
            title="Pods that the operator asks",
            description="`silent` ones do not answer over their status port, so the operator can't tell what they run.",
            queries=(
                Query(
                    most("leadgateway_operator_pods", "role, state"),
                    "{{role}}: {{state}}",
                    absent="the operator knows no pod of the gateway yet",
                ),
            ),
            unit=Unit.COUNT,
            empty="no operator, or no pod",
        ),
    ),
)
_OPERATOR = Row(
    "What the operator does",
    (
        Panel(
            title="Rebuilds by outcome",
            description="One a minute when nothing changes. `error` ones are tried again.",
            queries=(Query(rate("leadgateway_operator_reconciles_total", "outcome"), "{{outcome}}"),),
            unit=Unit.PER_SECOND,
            empty="no operator",
        ),
        Panel(
            title="Time of a rebuild",
            description="With thousands of LeadRoutes it takes seconds.",
            queries=tuple(
                Query(quantile(share, "leadgateway_operator_reconcile_seconds"), f"{share:.0%}")
                for share in (0.5, 0.99)
            ),
            unit=Unit.SECONDS,
            thresholds=Thresholds(warn=10, bad=60),
            empty="no operator",
        ),
        Panel(
            title="LeadRoutes by condition",
            description="How many are `Accepted`, `Programmed` and `Ready`, and how many are not.",
            queries=(Query(most("leadgateway_operator_routes", "condition, status"), "{{condition}}: {{status}}"),),
            unit=Unit.COUNT,
            empty="no operator",
        ),
        Panel(
            title="Writes to the API server",
            description="Shards are written where they differ, statuses when they change. A steady stream means that"
            " somebody"
            " else changes them too.",
            queries=(
                Query(
                    rate("leadgateway_operator_shard_writes_total", "kind"),
                    "{{kind}}",
                    absent="nothing had to be published",
                ),
                Query(rate("leadgateway_operator_status_writes_total"), "statuses"),
                Query(rate("leadgateway_operator_status_errors_total"), "statuses refused"),
                Query(
                    rate("leadgateway_operator_events_total", "outcome"),
                    "events: {{outcome}}",
                    absent="no LeadRoute changed its condition",
                ),
            ),
            unit=Unit.PER_SECOND,
            empty="no operator",
        ),
        Panel(
            title="Objects not seen",
            description="Objects in the API that the operator's watches did not show at the last comparison. 0 but for"
            " moments.",
            queries=(Query(most("leadgateway_operator_unseen_objects"), "not seen"),),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=1, bad=10),
            empty="no operator",
        ),
    ),
)

PAGE = Page(
    name="configuration",
    title="Operator & configuration",
    description="Whether what was declared in LeadRoutes is what runs.",
    rows=(_NOW, _RUNNING, _OPERATOR),
)
