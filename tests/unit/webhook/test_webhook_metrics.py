"""What is counted, and that nobody outside can make it grow."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from leadgateway_webhook.errors import DatabaseUnavailable, Defect, RateLimited, Refusal, Unauthorized
from leadgateway_webhook.metrics import NO_ROUTE, Metrics, outcome_of


def test_posts_are_counted_by_route_and_outcome() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)

    metrics.answered("default/solar", "accepted", 0.003)
    metrics.answered("default/solar", "accepted", 0.004)
    metrics.answered(NO_ROUTE, "refused", 0.001)

    name = "leadgateway_webhook_posts_total"
    assert registry.get_sample_value(name, {"route": "default/solar", "outcome": "accepted"}) == 2
    assert registry.get_sample_value(name, {"route": NO_ROUTE, "outcome": "refused"}) == 1
    assert registry.get_sample_value("leadgateway_webhook_post_seconds_count") == 3


@pytest.mark.parametrize(
    ("refusal", "outcome"),
    [
        (Unauthorized(), "refused"),
        (RateLimited(1), "rate_limited"),
        (DatabaseUnavailable(), "unavailable"),
        (Defect(), "unavailable"),
    ],
)
def test_a_refusal_is_counted_by_whose_doing_it_is(refusal: Refusal, outcome: str) -> None:
    assert outcome_of(refusal) == outcome


def test_a_route_that_is_gone_leaves_no_series_behind() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    for route in ("default/gone", "default/kept", NO_ROUTE):
        metrics.answered(route, "accepted", 0.001)

    metrics.forget({"default/kept"})
    metrics.answered("default/kept", "accepted", 0.001)

    name = "leadgateway_webhook_posts_total"
    assert registry.get_sample_value(name, {"route": "default/gone", "outcome": "accepted"}) is None
    assert registry.get_sample_value(name, {"route": "default/kept", "outcome": "accepted"}) == 2
    assert registry.get_sample_value(name, {"route": NO_ROUTE, "outcome": "accepted"}) == 1


def test_gauges_are_read_when_they_are_scraped() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    queued = [3.0]
    metrics.observe(
        queued=lambda: queued[0], held=lambda: 10, database=lambda: True, connections=lambda: 1, redis=lambda: False
    )

    queued[0] = 5

    assert registry.get_sample_value("leadgateway_webhook_queued_leads") == 5
    assert registry.get_sample_value("leadgateway_webhook_database_available") == 1
    assert registry.get_sample_value("leadgateway_database_connections") == 1
    assert registry.get_sample_value("leadgateway_webhook_rate_limit_shared") == 0


def test_commits_refusals_and_disconnects_are_counted() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)

    metrics.committed(32, 0.004)
    metrics.refused("unauthorized")
    metrics.disconnected()

    assert registry.get_sample_value("leadgateway_webhook_commit_leads_sum") == 32
    assert registry.get_sample_value("leadgateway_webhook_commit_seconds_count") == 1
    assert registry.get_sample_value("leadgateway_webhook_refusals_total", {"code": "unauthorized"}) == 1
    assert registry.get_sample_value("leadgateway_webhook_disconnects_total") == 1
