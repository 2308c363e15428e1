"""What the webhook counts; what each means stands in `leadgateway.telemetry.catalogue.webhook`.

Labels are bounded: an unknown path, a header or a body never becomes one. At most five series a route (one an outcome),
and no route label on histograms: a thousand routes must stay cheap to scrape, since rendering them takes time from the
posts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Literal

from prometheus_client import REGISTRY, CollectorRegistry

from leadgateway.telemetry.catalogue import shared, webhook
from leadgateway.telemetry.route_series import RouteSeries
from leadgateway.telemetry.route_state import RouteMetrics
from leadgateway_webhook.errors import RateLimited, Refusal

Outcome = Literal["accepted", "duplicate", "refused", "rate_limited", "unavailable"]
NO_ROUTE = "unknown"
"""The route label of posts that reached no route; no route key lacks a slash."""


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
        self._posts = RouteSeries(webhook.POSTS, registry)
        self._refusals = webhook.REFUSALS.register(registry)
        self._gone = webhook.DISCONNECTS.register(registry)
        self._seconds = webhook.POST_SECONDS.register(registry)
        self._batch = webhook.COMMIT_LEADS.register(registry)
        self._commit = webhook.COMMIT_SECONDS.register(registry)
        self._queued = webhook.QUEUED_LEADS.register(registry)
        self._held = webhook.BODY_BYTES.register(registry)
        self._database = webhook.DATABASE_AVAILABLE.register(registry)
        self._connections = shared.DATABASE_CONNECTIONS.register(registry)
        self._redis = webhook.RATE_LIMIT_SHARED.register(registry)
        self.routes = RouteMetrics(shared.WEBHOOK_ROUTE_TABLE, registry)

    def observe(
        self,
        *,
        queued: Callable[[], float],
        held: Callable[[], float],
        database: Callable[[], float],
        connections: Callable[[], float],
        redis: Callable[[], float],
    ) -> None:
        """Say where the gauges are read from when they are scraped."""
        self._queued.set_function(queued)
        self._held.set_function(held)
        self._database.set_function(database)
        self._connections.set_function(connections)
        self._redis.set_function(redis)

    def answered(self, route: str, outcome: Outcome, seconds: float) -> None:
        """Count a post that was answered.

        Args:
            route: The route's key, or `NO_ROUTE`.
            outcome: What became of it.
            seconds: What it took.
        """
        self._posts.inc(route, outcome)
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
        self._posts.forget_all_but({*keys, NO_ROUTE})
