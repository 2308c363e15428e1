"""How much room is left."""

from __future__ import annotations

from observability.dashboards.asking import RATE, chosen, increase, most, quantile, rate, total
from observability.dashboards.page import Page, Row
from observability.dashboards.panel import Kind, Panel, Query, Thresholds, Unit

_ROLE = f"* on (namespace, instance) group_left (role) {chosen('leadgateway_build_info')}"
"""Gives what any Python process exposes the role of its process."""

_COMMIT_LEADS = "leadgateway_webhook_commit_leads"

_NOW = Row(
    "How much room is left?",
    (
        Panel(
            title="Leads in flight",
            description="Of all that the workers together take at a time. Near 100 %, more workers deliver more.",
            queries=(
                Query(
                    f"{total('leadgateway_deliveries_in_flight')} / {total('leadgateway_deliveries_in_flight_limit')}"
                ),
            ),
            unit=Unit.SHARE,
            thresholds=Thresholds(warn=0.7, bad=0.9),
            empty="no worker seen",
            kind=Kind.NUMBER,
            width=6,
        ),
        Panel(
            title="Database connections",
            description="Of all clients, of those that PostgreSQL takes. Above 85 % an alert fires.",
            queries=(
                Query(
                    f"{most('leadgateway_database_server_connections')}"
                    f" / {most('leadgateway_database_server_connections_limit')}"
                ),
            ),
            unit=Unit.SHARE,
            thresholds=Thresholds(warn=0.7, bad=0.85),
            empty="no worker tells",
            kind=Kind.NUMBER,
            width=6,
        ),
        Panel(
            title="Time to work the backlog off",
            description="Leads due, by the rate at which leads came to an end lately.",
            queries=(
                Query(
                    f"sum({most('leadgateway_leads_due', 'namespace, route')})"
                    f" / ({rate('leadgateway_leads_finished_total')} > 0)",
                ),
            ),
            unit=Unit.SECONDS,
            thresholds=Thresholds(warn=60, bad=600),
            empty="no lead ends",
            kind=Kind.NUMBER,
            width=6,
        ),
        Panel(
            title="Queue of the writers",
            description="Leads that wait for a commit, in the webhook with most of them. At 2,000 posts are answered"
            " 503.",
            queries=(Query(most("leadgateway_webhook_queued_leads")),),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=500, bad=1_500),
            empty="no webhook seen",
            kind=Kind.NUMBER,
            width=6,
        ),
    ),
)
_PROCESSES = Row(
    "Processes",
    (
        Panel(
            title="CPU by role",
            description="Cores in use. A process uses little more than one; then it takes more of them.",
            queries=(
                Query(f"sum by (role) (rate({chosen('process_cpu_seconds_total')}[{RATE}]) {_ROLE})", "{{role}}"),
            ),
            unit=Unit.CORES,
            empty="no process seen",
        ),
        Panel(
            title="CPU of the busiest process",
            description="By role. Near 1 that process is at its end.",
            queries=(
                Query(f"max by (role) (rate({chosen('process_cpu_seconds_total')}[{RATE}]) {_ROLE})", "{{role}}"),
            ),
            unit=Unit.CORES,
            thresholds=Thresholds(warn=0.7, bad=0.9),
            empty="no process seen",
        ),
        Panel(
            title="Memory of the largest process",
            description="By role; compare it with `resources.limits.memory`.",
            queries=(Query(f"max by (role) ({chosen('process_resident_memory_bytes')} {_ROLE})", "{{role}}"),),
            unit=Unit.BYTES,
            empty="no process seen",
        ),
        Panel(
            title="File descriptors",
            description="In use, of those allowed, in the process with most of them. Each connection is one.",
            queries=(
                Query(
                    f"max by (role) ({chosen('process_open_fds')} / {chosen('process_max_fds')} {_ROLE})",
                    "{{role}}",
                ),
            ),
            unit=Unit.SHARE,
            thresholds=Thresholds(warn=0.5, bad=0.8),
            empty="no process seen",
        ),
    ),
)
_INTAKE = Row(
    "Intake",
    (
        Panel(
            title="Posts by process",
            description="Evenly spread where a load balancer does its work.",
            queries=(Query(rate("leadgateway_webhook_posts_total", "instance"), "{{instance}}"),),
            unit=Unit.PER_SECOND,
            empty="no post yet",
        ),
        Panel(
            title="Leads that share a commit",
            description="More with more load: that is how a webhook takes many posts with few commits.",
            queries=(
                Query(
                    f"{rate(f'{_COMMIT_LEADS}_sum')} / {rate(f'{_COMMIT_LEADS}_count')}",
                    "mean",
                ),
                Query(quantile(0.99, _COMMIT_LEADS), "99%"),
            ),
            unit=Unit.COUNT,
            empty="no commit yet",
        ),
        Panel(
            title="Time of a commit",
            description="It is PostgreSQL's, mostly its disk's. Above a tenth of a second posts begin to queue.",
            queries=tuple(
                Query(quantile(share, "leadgateway_webhook_commit_seconds"), f"{share:.0%}") for share in (0.5, 0.99)
            ),
            unit=Unit.SECONDS,
            thresholds=Thresholds(warn=0.1, bad=0.5),
            empty="no commit yet",
        ),
        Panel(
            title="Bodies in memory",
            description="Bytes of posts that are being read or wait for a commit. Beyond 64 MiB posts are answered"
            " 503.",
            queries=(Query(most("leadgateway_webhook_body_bytes", "instance"), "{{instance}}"),),
            unit=Unit.BYTES,
            thresholds=Thresholds(warn=32 * 1024**2, bad=60 * 1024**2),
            empty="no webhook seen",
        ),
        Panel(
            title="Refusals by code",
            description="What was answered other than 200. `overloaded` and `database_unavailable` are the gateway's"
            " own.",
            queries=(Query(rate("leadgateway_webhook_refusals_total", "code"), "{{code}}"),),
            unit=Unit.PER_SECOND,
            empty="nothing was refused",
        ),
        Panel(
            title="Connections broken off",
            description="Posts whose source went away before they were whole. Many mean a slow or broken source.",
            queries=(Query(rate("leadgateway_webhook_disconnects_total"), "broken off"),),
            unit=Unit.PER_SECOND,
            empty="no webhook seen",
        ),
    ),
)
_CONSOLE_SECONDS = "leadgateway_console_request_seconds"
_CONSOLE = Row(
    "Console",
    (
        Panel(
            title="Requests of people and programs",
            description="What consoles answered, by HTTP status. 401 and 403 are people without access, 5xx the"
            " console's own faults or a database that is away.",
            queries=(Query(rate("leadgateway_console_requests_total", "status"), "{{status}}"),),
            unit=Unit.PER_SECOND,
            empty="nobody asked yet",
        ),
        Panel(
            title="Requests that fail",
            description="Answered 5xx, of all. 0 when all is well; the console's log says which page and why.",
            queries=(
                Query(
                    f"({rate('leadgateway_console_requests_total', status='~5..')} or vector(0))"
                    f" / {rate('leadgateway_console_requests_total')}",
                    "5xx",
                ),
            ),
            unit=Unit.SHARE,
            thresholds=Thresholds(warn=0.01, bad=0.1),
            empty="nobody asked yet",
        ),
        Panel(
            title="Time to answer a request",
            description="From a request to the head of its answer. Searches among very many leads take longest.",
            queries=tuple(Query(quantile(share, _CONSOLE_SECONDS), f"{share:.0%}") for share in (0.5, 0.95, 0.99)),
            unit=Unit.SECONDS,
            thresholds=Thresholds(warn=0.5, bad=2),
            empty="nobody asked yet",
        ),
        Panel(
            title="Wrong passwords",
            description="In the time shown. After five of one address within a minute it has to wait; hundreds mean"
            " that somebody is guessing.",
            queries=(Query(increase("leadgateway_console_failed_sign_ins_total"), "wrong passwords"),),
            unit=Unit.COUNT,
            thresholds=Thresholds(warn=10, bad=100),
            empty="no console seen",
        ),
    ),
)
_DATABASE = Row(
    "Database",
    (
        Panel(
            title="Connections of the server",
            description="Of all clients, and how many PostgreSQL takes from ordinary roles.",
            queries=(
                Query(most("leadgateway_database_server_connections"), "in use"),
                Query(most("leadgateway_database_server_connections_limit"), "limit"),
            ),
            unit=Unit.COUNT,
            empty="no worker tells",
        ),
        Panel(
            title="Connections of the gateway",
            description="Open ones of webhooks and workers; a few each.",
            queries=(Query(f"sum by (role) ({chosen('leadgateway_database_connections')} {_ROLE})", "{{role}}"),),
            unit=Unit.COUNT,
            empty="no process seen",
        ),
        Panel(
            title="Housekeeping",
            description="What workers remove when its time is over: keys, and contents and records of leads.",
            queries=(
                Query(rate("leadgateway_expired_keys_deleted_total"), "keys"),
                Query(rate("leadgateway_retention_removed_leads_total", "part"), "{{part}}"),
            ),
            unit=Unit.PER_SECOND,
            empty="no worker seen",
        ),
        Panel(
            title="Leads taken from the database",
            description="By the state they were in: new ones, ones that were judged before, and retries.",
            queries=(Query(rate("leadgateway_claimed_leads_total", "status"), "{{status}}"),),
            unit=Unit.PER_SECOND,
            empty="no lead yet",
        ),
    ),
)

PAGE = Page(
    name="capacity",
    title="Capacity",
    description="How much room is left: processes, intake, the database, the console.",
    rows=(_NOW, _PROCESSES, _INTAKE, _DATABASE, _CONSOLE),
)
