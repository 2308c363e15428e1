"""What the operator counts."""

from __future__ import annotations

from leadgateway.telemetry.catalogue.definition import CounterMetric, GaugeMetric, HistogramMetric, Role

_ROLES = (Role.OPERATOR,)

RECONCILES = CounterMetric(
    name="leadgateway_operator_reconciles_total",
    help="Rebuilds of the configuration, by outcome.",
    roles=_ROLES,
    labels={"outcome": "`success`, `error`"},
)
RECONCILE_SECONDS = HistogramMetric(
    name="leadgateway_operator_reconcile_seconds",
    help="Duration of a rebuild.",
    roles=_ROLES,
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
SECONDS_SINCE_SUCCESS = GaugeMetric(
    name="leadgateway_operator_seconds_since_successful_reconcile",
    help="Age of the last rebuild that succeeded; before the first one, of the process.",
    roles=_ROLES,
)
ROUTES = GaugeMetric(
    name="leadgateway_operator_routes",
    help="LeadRoutes, by condition and its status.",
    roles=_ROLES,
    labels={
        "condition": "`Accepted`, `TestsPassed`, `Programmed`, `Ready`, `Delivering`",
        "status": "`True`, `False`, `Unknown`",
    },
)
SHARD_WRITES = CounterMetric(
    name="leadgateway_operator_shard_writes_total",
    help="ConfigMaps and Secrets written.",
    roles=_ROLES,
    labels={"kind": "`routes`, `credentials`"},
)
STATUS_WRITES = CounterMetric(
    name="leadgateway_operator_status_writes_total", help="Statuses of LeadRoutes written.", roles=_ROLES
)
STATUS_ERRORS = CounterMetric(
    name="leadgateway_operator_status_errors_total",
    help="Statuses of LeadRoutes that could not be written and are tried again.",
    roles=_ROLES,
)
EVENTS = CounterMetric(
    name="leadgateway_operator_events_total",
    help="Kubernetes Events, by what became of them.",
    roles=_ROLES,
    labels={"outcome": "`posted`, `known`, `failed`, `dropped`"},
)
UNSEEN_OBJECTS = GaugeMetric(
    name="leadgateway_operator_unseen_objects",
    help="Objects in the API that the last comparison did not find among those that are watched.",
    roles=_ROLES,
)
PODS = GaugeMetric(
    name="leadgateway_operator_pods",
    help="Webhook and worker pods, by whether they could be asked.",
    roles=_ROLES,
    labels={"role": "`webhook`, `worker`", "state": "`answering`, `silent`"},
)

METRICS = (
    RECONCILES,
    RECONCILE_SECONDS,
    SECONDS_SINCE_SUCCESS,
    ROUTES,
    SHARD_WRITES,
    STATUS_WRITES,
    STATUS_ERRORS,
    EVENTS,
    UNSEEN_OBJECTS,
    PODS,
)
