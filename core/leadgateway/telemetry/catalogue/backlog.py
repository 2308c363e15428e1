"""What the database holds, told by one worker for all: the others expose only that they don't.

`sum(leadgateway_backlog_exporter)` is 1; the rest is asked for without regard to the worker, as in
`max by (route) (leadgateway_leads_due)`.
"""

from __future__ import annotations

from leadgateway.telemetry.catalogue.definition import GaugeMetric, Role

_ROLES = (Role.WORKER,)
_ROUTE = "every loaded route, and every other one with leads waiting"

EXPORTER = GaugeMetric(
    name="leadgateway_backlog_exporter",
    help="1 in the one worker that tells what the database holds, 0 in the others.",
    roles=_ROLES,
)
LEADS_WAITING = GaugeMetric(
    name="leadgateway_leads_waiting",
    help="Leads that have not come to an end, by route and state. (Ends: leadgateway_leads_finished_total.)",
    roles=_ROLES,
    labels={"route": _ROUTE, "status": "`RECEIVED`, `READY`, `FAILED`"},
)
LEADS_DUE = GaugeMetric(
    name="leadgateway_leads_due",
    help="Leads whose time has come, those in a worker's hands included; of a paused route none.",
    roles=_ROLES,
    labels={"route": _ROUTE},
)
OLDEST_DUE_SECONDS = GaugeMetric(
    name="leadgateway_oldest_due_seconds",
    help="How long the longest due lead had been due when it was counted; 0 if none is.",
    roles=_ROLES,
    labels={"route": _ROUTE},
)
QUERY_SECONDS = GaugeMetric(
    name="leadgateway_backlog_query_seconds", help="How long the last query of the backlog took.", roles=_ROLES
)
AGE_SECONDS = GaugeMetric(
    name="leadgateway_backlog_age_seconds", help="How old the counts of the backlog are.", roles=_ROLES
)
SERVER_CONNECTIONS = GaugeMetric(
    name="leadgateway_database_server_connections",
    help="Connections at the PostgreSQL server, of all clients and of its own workers.",
    roles=_ROLES,
)
SERVER_CONNECTIONS_LIMIT = GaugeMetric(
    name="leadgateway_database_server_connections_limit",
    help="Connections that the PostgreSQL server takes from ordinary roles.",
    roles=_ROLES,
)

METRICS = (
    EXPORTER,
    LEADS_WAITING,
    LEADS_DUE,
    OLDEST_DUE_SECONDS,
    QUERY_SECONDS,
    AGE_SECONDS,
    SERVER_CONNECTIONS,
    SERVER_CONNECTIONS_LIMIT,
)
