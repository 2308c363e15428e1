"""What a webhook counts."""

from __future__ import annotations

from leadgateway.telemetry.catalogue.definition import CounterMetric, GaugeMetric, HistogramMetric, Role

_ROLES = (Role.WEBHOOK,)
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)

POSTS = CounterMetric(
    name="leadgateway_webhook_posts_total",
    help="Posts answered, by route and outcome.",
    roles=_ROLES,
    labels={
        "route": "key of a loaded route, or `unknown` for posts that reached none",
        "outcome": "`accepted`, `duplicate`, `refused` (the source's doing: 4xx), `rate_limited`, "
        "`unavailable` (the gateway's: 5xx)",
    },
)
REFUSALS = CounterMetric(
    name="leadgateway_webhook_refusals_total",
    help="Posts refused, by error code.",
    roles=_ROLES,
    labels={"code": "the codes of [api.md](api.md)"},
)
DISCONNECTS = CounterMetric(
    name="leadgateway_webhook_disconnects_total",
    help="Posts whose source closed the connection before they were whole.",
    roles=_ROLES,
)
POST_SECONDS = HistogramMetric(
    name="leadgateway_webhook_post_seconds",
    help="From the end of a post's headers to its answer.",
    roles=_ROLES,
    buckets=_SECONDS,
)
COMMIT_LEADS = HistogramMetric(
    name="leadgateway_webhook_commit_leads",
    help="Leads that shared a commit.",
    roles=_ROLES,
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
COMMIT_SECONDS = HistogramMetric(
    name="leadgateway_webhook_commit_seconds", help="Time a commit took.", roles=_ROLES, buckets=_SECONDS
)
QUEUED_LEADS = GaugeMetric(
    name="leadgateway_webhook_queued_leads", help="Leads that wait for a commit: the writer's queue.", roles=_ROLES
)
BODY_BYTES = GaugeMetric(name="leadgateway_webhook_body_bytes", help="Bytes of bodies in memory.", roles=_ROLES)
DATABASE_AVAILABLE = GaugeMetric(
    name="leadgateway_webhook_database_available", help="1 while leads can be stored, else 0.", roles=_ROLES
)
RATE_LIMIT_SHARED = GaugeMetric(
    name="leadgateway_webhook_rate_limit_shared",
    help="1 while rate limits are counted across webhooks, 0 while each counts its share (Redis is away).",
    roles=_ROLES,
)

METRICS = (
    POSTS,
    REFUSALS,
    DISCONNECTS,
    POST_SECONDS,
    COMMIT_LEADS,
    COMMIT_SECONDS,
    QUEUED_LEADS,
    BODY_BYTES,
    DATABASE_AVAILABLE,
    RATE_LIMIT_SHARED,
)
