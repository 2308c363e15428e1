"""What the webhook counts. Labels are bounded: an unknown path, a header or a body never becomes one.

At most five series a route (one an outcome), and no route label on histograms: a thousand routes must stay cheap to
scrape, since rendering them takes time from the posts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Literal

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from leadgateway.telemetry.route_state import RouteMetrics
from leadgateway_webhook.errors import RateLimited, Refusal

Outcome = Literal["accepted", "duplicate", "refused", "rate_limited", "unavailable"]
NO_ROUTE = "unknown"
"""The route label of posts that reached no route; no route key lacks a slash."""

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500)


def outcome_of(refusal: Refusal) -> Outcome:
    """How a refusal is counted: the source's doing (4xx), too many, or the gateway's (5xx)."""
    if isinstance(refusal, RateLimited):
        return "rate_limited"
    return "unavailable" if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "refused"


class Metrics:
    """The webhook's metrics in one registry."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        """Register them.

        Args:
            registry: Where; each can hold them once.
        """
        self._posts = Counter(
            "leadgateway_webhook_posts",
            "Posts answered, by route and outcome.",
            ["route", "outcome"],
            registry=registry,
        )
        self._refusals = Counter(
            "leadgateway_webhook_refusals", "Posts refused, by error code.", ["code"], registry=registry
        )
        self._gone = Counter(
            "leadgateway_webhook_disconnects",
            "Posts whose source closed the connection before they were whole.",
            registry=registry,
        )
        self._seconds = Histogram(
            "leadgateway_webhook_post_seconds",
            "From the end of a post's headers to its answer.",
            registry=registry,
            buckets=_SECONDS,
        )
        self._batch = Histogram(
            "leadgateway_webhook_commit_leads", "Leads that shared a commit.", registry=registry, buckets=_SIZES
        )
        self._commit = Histogram(
            "leadgateway_webhook_commit_seconds", "Time a commit took.", registry=registry, buckets=_SECONDS
        )
        self._queued = Gauge("leadgateway_webhook_queued_leads", "Leads that wait for a commit.", registry=registry)
        self._held = Gauge("leadgateway_webhook_body_bytes", "Bytes of bodies in memory.", registry=registry)
        self._database = Gauge(
            "leadgateway_webhook_database_available", "1 while leads can be stored, else 0.", registry=registry
        )
        self._redis = Gauge(
            "leadgateway_webhook_rate_limit_shared",
            "1 while rate limits are counted across webhooks, 0 while each counts its share.",
            registry=registry,
        )
        self.routes = RouteMetrics("webhook", registry)
        # Looked up once a series: a lookup costs more than the count.
        self._series: dict[tuple[str, Outcome], Counter] = {}

    def observe(
        self,
        *,
        queued: Callable[[], float],
        held: Callable[[], float],
        database: Callable[[], float],
        redis: Callable[[], float],
    ) -> None:
        """Say where the gauges are read from when they are scraped."""
        self._queued.set_function(queued)
        self._held.set_function(held)
        self._database.set_function(database)
        self._redis.set_function(redis)

    def answered(self, route: str, outcome: Outcome, seconds: float) -> None:
        """Count a post that was answered.

        Args:
            route: The route's key, or `NO_ROUTE`.
            outcome: What became of it.
            seconds: What it took.
        """
        series = self._series.get((route, outcome))
        if series is None:
            series = self._series[route, outcome] = self._posts.labels(route, outcome)
        series.inc()
        self._seconds.observe(seconds)

    def refused(self, code: str) -> None:
        """Count a refusal by its code."""
        self._refusals.labels(code).inc()

    def disconnected(self) -> None:
        """Count a source that went away in mid-post."""
        self._gone.inc()

    def committed(self, leads: int, seconds: float) -> None:
        """Count a commit."""
        self._batch.observe(leads)
        self._commit.observe(seconds)

    def forget(self, keys: Collection[str]) -> None:
        """Drop the series of all routes but these, so that routes that come and go don't pile up."""
        kept = {*keys, NO_ROUTE}
        for route, outcome in [series for series in self._series if series[0] not in kept]:
            del self._series[route, outcome]
            self._posts.remove(route, outcome)
