"""A span for each post, from its head to its answer: `HTTP server` by OpenTelemetry's semantic conventions.

https://opentelemetry.io/docs/specs/semconv/http/http-spans/. What a source can make up (paths that no route has, query
strings, its own address and name) is left out, and so is everything of the lead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog
from fastapi.telemetry import TelemetryConfig

from leadgateway.route.snapshot import RouteSnapshot
from leadgateway.telemetry.trace_context import trace_headers
from leadgateway.telemetry.tracing import NO_TRACE, Attributes, Span, SpanKind, Tracing
from leadgateway_webhook.head import Headers

ROUTE_TEMPLATE = "/webhooks/leads/{path}"
CLIENT_GONE = "client_gone"
"""`error.type` of a post whose source went away in the middle of it."""

UNTRACED: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""For FastAPI, whose own spans hold whole query strings: in the console those are what people search for."""

# The methods that the conventions know; any other is `_OTHER`, so that nobody makes up values.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
_CARRIED = ("traceparent", "tracestate")


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a post at its end.

    Attributes:
        method: As it came.
        route: Where it was posted to, if that is a route of ours.
        correlation_id: Of the post.
        lead_id: The lead that it became, or that it repeats.
        refusal: The code it was refused with.
    """

    method: str
    route: RouteSnapshot | None
    correlation_id: UUID
    lead_id: int | None
    refusal: str | None


class PostSpan(Protocol):
    """The span of one post; ended by either `answered` or `gone`."""

    @property
    def ids(self) -> Mapping[str, str]:
        """For log lines: `trace_id` and `span_id`."""

    def carry(self, headers: Headers) -> Headers:
        """The headers to store: those of the post, with this span as the parent of what follows."""

    def answered(self, told: Told, *, status: int, outcome: str) -> None:
        """It was answered."""

    def gone(self, told: Told) -> None:
        """Its source went away before."""


class PostSpans(Protocol):
    """Begins the span of each post."""

    def begin(self, method: str, headers: Headers) -> PostSpan:
        """Begin one, of the trace that the headers name, else of a new one."""


def post_spans(tracing: Tracing | None) -> PostSpans:
    """Spans of posts, or none.

    Args:
        tracing: Where they go; None: nobody wants them.
    """
    return NO_SPANS if tracing is None else _Recorded(tracing)


class _NoSpan:
    ids: Mapping[str, str] = NO_TRACE

    def carry(self, headers: Headers) -> Headers:
        return headers

    def answered(self, told: Told, *, status: int, outcome: str) -> None:
        """Nobody wants to know."""

    def gone(self, told: Told) -> None:
        """Nobody wants to know."""


class _NoSpans:
    _span = _NoSpan()

    def begin(self, method: str, headers: Headers) -> PostSpan:  # noqa: ARG002
        return self._span


NO_SPANS: PostSpans = _NoSpans()


class _Recorded:
    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    def begin(self, method: str, headers: Headers) -> PostSpan:
        sent = {name: headers[key].decode("latin-1") for name in _CARRIED if (key := name.encode()) in headers}
        span = self._tracing.begin(_method(method), SpanKind.SERVER, parent=trace_headers(sent))
        return _RecordedPost(span)


class _RecordedPost:
    def __init__(self, span: Span) -> None:
        self._span = span
        self.ids = span.ids
        # Each post has a task of its own, and so a context: every line that is logged in it names the span.
        structlog.contextvars.bind_contextvars(**self.ids)

    def carry(self, headers: Headers) -> Headers:
        carried = self._span.headers
        if not carried:
            return headers
        rest = {name: value for name, value in headers.items() if name.decode("latin-1") not in _CARRIED}
        return rest | {name.encode(): value.encode("latin-1") for name, value in carried.items()}

    def answered(self, told: Told, *, status: int, outcome: str) -> None:
        attributes: dict[str, str | int] = {
            **_attributes(told),
            "http.response.status_code": status,
            "leadgateway.outcome": outcome,
        }
        if told.refusal is not None:
            attributes["leadgateway.refusal"] = told.refusal
        # By the conventions a server's span is no error when the fault is the client's.
        failed = status >= 500
        self._span.end(attributes, error=(told.refusal or str(status)) if failed else None, name=_name(told))

    def gone(self, told: Told) -> None:
        self._span.end(_attributes(told), error=CLIENT_GONE, name=_name(told))


def _attributes(told: Told) -> Attributes:
    attributes: dict[str, str | int] = {
        "http.request.method": _method(told.method),
        "http.route": ROUTE_TEMPLATE,
        "url.scheme": "http",
        "leadgateway.correlation_id": str(told.correlation_id),
    }
    if told.route is not None:
        attributes["leadgateway.route"] = told.route.key
    if told.lead_id is not None:
        attributes["leadgateway.lead_id"] = told.lead_id
    return attributes


def _name(told: Told) -> str:
    return f"{_method(told.method)} {ROUTE_TEMPLATE}"


def _method(method: str) -> str:
    return method if method in _METHODS else "_OTHER"
