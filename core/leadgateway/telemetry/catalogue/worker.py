"""What a worker counts, of looking for leads, judging and delivering them."""

from __future__ import annotations

from leadgateway.telemetry.catalogue.definition import CounterMetric, GaugeMetric, HistogramMetric, Role

_ROLES = (Role.WORKER,)
_ROUTE = "key of a loaded route"

# How leads fare
DELIVERY_ATTEMPTS = CounterMetric(
    name="leadgateway_delivery_attempts_total",
    help="Delivery attempts, by route and by whether the customer took the lead.",
    roles=_ROLES,
    labels={"route": _ROUTE, "result": "`delivered`, `failed`"},
)
DELIVERY_FAILURES = CounterMetric(
    name="leadgateway_delivery_failures_total",
    help="Delivery attempts that failed, by what went wrong.",
    roles=_ROLES,
    labels={
        "kind": "`status` (an answer other than 2xx), `timeout`, `dns`, `connect`, `tls`, `protocol`, `disconnected`, "
        "`refused_address`, `invalid_request`, `interrupted`, `defect`"
    },
)
DELIVERY_RETRIES = CounterMetric(
    name="leadgateway_delivery_retries_total",
    help="Failed attempts after which another one was scheduled.",
    roles=_ROLES,
)
DELIVERY_ATTEMPT_SECONDS = HistogramMetric(
    name="leadgateway_delivery_attempt_seconds",
    help="How long one exchange with a customer's API took, whatever came of it.",
    roles=_ROLES,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
LEAD_DELIVERY_SECONDS = HistogramMetric(
    name="leadgateway_lead_delivery_seconds",
    help="End to end: from a lead's acceptance to its delivery, retries included.",
    roles=_ROLES,
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400),
)
LEAD_FIRST_OUTCOME_SECONDS = HistogramMetric(
    name="leadgateway_lead_first_outcome_seconds",
    help="From a lead's acceptance to its first outcome: delivered, rejected, given up, or a retry scheduled.",
    roles=_ROLES,
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)
LEADS_FINISHED = CounterMetric(
    name="leadgateway_leads_finished_total",
    help="Leads that came to an end, by route and state.",
    roles=_ROLES,
    labels={"route": _ROUTE, "status": "`DELIVERED`, `REJECTED`, `PERMANENTLY_FAILED`"},
)
PIPELINE_OUTCOMES = CounterMetric(
    name="leadgateway_pipeline_outcomes_total",
    help="Leads judged by the rules and the mapping of their route, by what came of it.",
    roles=_ROLES,
    labels={"outcome": "`mapped`, `rejected`, `defect` (the pipeline failed; the log has the place)"},
)
PIPELINE_REJECTIONS = CounterMetric(
    name="leadgateway_pipeline_rejections_total",
    help="Leads rejected by the rules and the mapping of their route, by reject code.",
    roles=_ROLES,
    labels={"code": "codes of the loaded routes, `MISSING_REQUIRED_FIELD`, `INVALID_LEAD`"},
)
DELIVERIES_IN_FLIGHT = GaugeMetric(
    name="leadgateway_deliveries_in_flight",
    help="Leads in this worker's hands: deliveries that are being answered now.",
    roles=_ROLES,
)
DELIVERIES_IN_FLIGHT_LIMIT = GaugeMetric(
    name="leadgateway_deliveries_in_flight_limit",
    help="The most leads this worker takes in hand at a time (LEADGATEWAY_WORKER_MAX_IN_FLIGHT).",
    roles=_ROLES,
)
BREAKER_STATE = GaugeMetric(
    name="leadgateway_breaker_state",
    help="Circuit breakers that are not closed: 1 open, 2 probing. A closed one has no series.",
    roles=_ROLES,
    labels={"route": "key of a route whose breaker is open"},
)
BREAKER_OPENINGS = CounterMetric(
    name="leadgateway_breaker_openings_total",
    help="Circuit breakers that this worker opened; each is open for all workers.",
    roles=_ROLES,
)
BREAKER_PROBES = CounterMetric(
    name="leadgateway_breaker_probes_total",
    help="Leads that were tried while the circuit breaker of their route was open, by what came of it.",
    roles=_ROLES,
    labels={"result": "`answered` (which closes it), `failed`"},
)

# How it finds them
CLAIMS = CounterMetric(
    name="leadgateway_claims_total",
    help="Looks for due leads, by what came of them.",
    roles=_ROLES,
    labels={"outcome": "`leads`, `nothing`, `failed`"},
)
CLAIMED_LEADS = CounterMetric(
    name="leadgateway_claimed_leads_total",
    help="Leads taken from the database, by the state they were in.",
    roles=_ROLES,
    labels={"status": "`RECEIVED`, `READY`, `FAILED`"},
)
WAKEUPS_RECEIVED = CounterMetric(
    name="leadgateway_wakeups_received_total", help="Wake-ups that reached this worker.", roles=_ROLES
)
SWEEPS = CounterMetric(
    name="leadgateway_sweeps_total",
    help="Looks for due leads that nobody called for, by what came of them: `leads` were missed by all wake-ups.",
    roles=_ROLES,
    labels={"outcome": "`leads`, `nothing`"},
)
SCHEDULER_ACTIVE = GaugeMetric(
    name="leadgateway_worker_scheduler_active",
    help="1 while this worker schedules wake-ups for all; one of all workers does.",
    roles=_ROLES,
)
REDIS_AVAILABLE = GaugeMetric(
    name="leadgateway_worker_redis_available", help="1 while wake-ups can reach this worker, else 0.", roles=_ROLES
)
DATABASE_AVAILABLE = GaugeMetric(
    name="leadgateway_worker_database_available",
    help="1 while the last look for due leads succeeded, else 0.",
    roles=_ROLES,
)
UNKNOWN_ROUTES = GaugeMetric(
    name="leadgateway_worker_unknown_routes",
    help="Routes with leads waiting that this worker has not loaded: deleted, or broken.",
    roles=_ROLES,
)

# What it keeps, and what goes wrong
RESULTS_UNWRITTEN = GaugeMetric(
    name="leadgateway_results_unwritten", help="Results that the database does not have yet.", roles=_ROLES
)
RESULTS_DROPPED = CounterMetric(
    name="leadgateway_results_dropped_total",
    help="Results that could not be written before their lease ran out; another attempt follows.",
    roles=_ROLES,
    labels={"reason": "`refused` (by the database), `stopped` (the worker ended while the database was away)"},
)
FENCED = CounterMetric(
    name="leadgateway_fenced_total",
    help="Leads whose lease was no longer ours, by when that came out.",
    roles=_ROLES,
    labels={"when": "`before_sending`, `writing` (the result)"},
)
DEFECTS = CounterMetric(
    name="leadgateway_worker_defects_total",
    help="Leads that the worker failed on by a fault of its own; the log has the place.",
    roles=_ROLES,
)
EXPIRED_KEYS_DELETED = CounterMetric(
    name="leadgateway_expired_keys_deleted_total",
    help="Deduplication keys and Idempotency-Keys deleted after their time.",
    roles=_ROLES,
)
RETENTION_REMOVED_LEADS = CounterMetric(
    name="leadgateway_retention_removed_leads_total",
    help="Leads that retention removed something of: their contents, and later their records.",
    roles=_ROLES,
    labels={"part": "`contents`, `records`"},
)
INDEXED_LEADS = CounterMetric(
    name="leadgateway_indexed_leads_total",
    help="Leads that this worker made findable, soon after they were stored.",
    roles=_ROLES,
)

METRICS = (
    DELIVERY_ATTEMPTS,
    DELIVERY_FAILURES,
    DELIVERY_RETRIES,
    DELIVERY_ATTEMPT_SECONDS,
    LEAD_DELIVERY_SECONDS,
    LEAD_FIRST_OUTCOME_SECONDS,
    LEADS_FINISHED,
    PIPELINE_OUTCOMES,
    PIPELINE_REJECTIONS,
    DELIVERIES_IN_FLIGHT,
    DELIVERIES_IN_FLIGHT_LIMIT,
    BREAKER_STATE,
    BREAKER_OPENINGS,
    BREAKER_PROBES,
    CLAIMS,
    CLAIMED_LEADS,
    WAKEUPS_RECEIVED,
    SWEEPS,
    SCHEDULER_ACTIVE,
    REDIS_AVAILABLE,
    DATABASE_AVAILABLE,
    UNKNOWN_ROUTES,
    RESULTS_UNWRITTEN,
    RESULTS_DROPPED,
    FENCED,
    DEFECTS,
    EXPIRED_KEYS_DELETED,
    RETENTION_REMOVED_LEADS,
    INDEXED_LEADS,
)
