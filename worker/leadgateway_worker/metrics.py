"""What the worker counts. Histograms carry no route label: a thousand routes would make each scrape costly."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from leadgateway.telemetry.route_state import RouteMetrics

attempts = Counter(
    "leadgateway_delivery_attempts_total",
    "Delivery attempts by route and by how they ended (see delivery_attempt.kind).",
    ["route", "result"],
)
attempt_seconds = Histogram(
    "leadgateway_delivery_attempt_seconds",
    "How long one exchange with a customer's API took, whatever came of it.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
lead_seconds = Histogram(
    "leadgateway_lead_delivery_seconds",
    "Time from a lead's acceptance to its delivery, retries included.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400),
)
leads_finished = Counter(
    "leadgateway_leads_finished_total", "Leads that came to an end, by route and state.", ["route", "status"]
)
in_flight = Gauge("leadgateway_deliveries_in_flight", "Deliveries that are being answered now.")
unwritten = Gauge("leadgateway_results_unwritten", "Results that the database does not have yet.")
claims = Counter("leadgateway_claims_total", "Looks for due leads, by what came of them.", ["outcome"])
claimed = Counter(
    "leadgateway_claimed_leads_total", "Leads taken from the database, by the state they were in.", ["status"]
)
routes = RouteMetrics("worker")
unknown_routes = Gauge(
    "leadgateway_worker_unknown_routes",
    "Routes with leads waiting that this worker has not loaded: deleted, or broken.",
)
wakeups = Counter("leadgateway_wakeups_received_total", "Wake-ups that reached this worker.")
sweeps = Counter(
    "leadgateway_sweeps_total",
    "Looks for due leads that nobody called for, by what came of them: `leads` were missed by all wake-ups.",
    ["outcome"],
)
fenced = Counter(
    "leadgateway_fenced_total",
    "Leads whose lease was no longer ours, by when that came out: before sending or when writing the result.",
    ["when"],
)
results_dropped = Counter(
    "leadgateway_results_dropped_total",
    "Results that could not be written before their lease ran out; another attempt follows.",
    ["reason"],
)
defects = Counter("leadgateway_worker_defects_total", "Leads that the pipeline failed on; the log has the place.")
expired_keys = Counter(
    "leadgateway_expired_keys_deleted_total", "Deduplication keys and Idempotency-Keys deleted after their time."
)
retention = Counter(
    "leadgateway_retention_removed_leads_total",
    "Leads that retention removed something of: their contents, and later their records.",
    ["part"],
)
for _part in ("contents", "records"):
    retention.labels(_part)
database_available = Gauge("leadgateway_worker_database_available", "Whether the last look for due leads succeeded.")
