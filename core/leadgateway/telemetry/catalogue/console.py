"""What a console counts."""

from __future__ import annotations

from leadgateway.telemetry.catalogue.definition import CounterMetric, HistogramMetric, Role

_ROLES = (Role.CONSOLE,)

REQUESTS = CounterMetric(
    name="leadgateway_console_requests_total",
    help="Requests answered, by status.",
    roles=_ROLES,
    labels={"status": "of HTTP"},
)
REQUEST_SECONDS = HistogramMetric(
    name="leadgateway_console_request_seconds",
    help="From a request to the head of its answer.",
    roles=_ROLES,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0),
)
FAILED_SIGN_INS = CounterMetric(name="leadgateway_console_failed_sign_ins_total", help="Wrong passwords.", roles=_ROLES)

METRICS = (REQUESTS, REQUEST_SECONDS, FAILED_SIGN_INS)
