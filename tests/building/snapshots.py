"""Compiled routes for tests, without the way through YAML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from leadgateway.route.snapshot import (
    Credentials,
    Endpoint,
    Header,
    Intake,
    Retention,
    RetryPolicy,
    RouteSnapshot,
)

SEED_RETRIES = RetryPolicy(
    max_retries=5,
    initial_delay=timedelta(seconds=30),
    factor=2,
    max_delay=timedelta(seconds=480),
    jitter=0,
    statuses=frozenset(),
)
"""The defaults: 30, 60, 120, 240, 480 s."""


def a_route(
    url: str = "https://customer.example/lead/receive",
    *,
    token: str | None = None,
    headers: Sequence[Header] = (),
    header_values: Mapping[str, str] | None = None,
    timeout: float = 5.0,
    allow_private: bool = True,
    retry: RetryPolicy = SEED_RETRIES,
) -> RouteSnapshot:
    """A route without rules and mapping, for what only delivers."""
    return RouteSnapshot(
        namespace="default",
        name="solar",
        path="solar",
        default=False,
        paused=False,
        intake=Intake(shared_secrets=(), shared_secret_field=None, requests_per_minute=None, deduplication=None),
        evaluate="received",
        rules=(),
        mapping=(),
        endpoint=Endpoint(
            url=url,
            token=None,
            headers=tuple(headers),
            timeout=timedelta(seconds=timeout),
            concurrency=16,
            allow_private_networks=allow_private,
        ),
        retry=retry,
        retention=Retention(payload=timedelta(days=90), records=timedelta(days=365)),
        examples=(),
        credentials=Credentials(token=token, headers=header_values or {}),
    )
