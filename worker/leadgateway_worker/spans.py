"""Spans of what a worker does with a lead: one for its decision, one for each attempt.

Their parent is the span of the post, which came through the database with the lead. An attempt is an `HTTP client` by
OpenTelemetry's semantic conventions, https://opentelemetry.io/docs/specs/semconv/http/http-spans/. Nothing of the lead
or of the answer is in them, and no query string, in which a customer may want a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol
from urllib.parse import urlsplit

import structlog

from leadgateway.route.snapshot import RouteSnapshot
from leadgateway.store.claims import Claim
from leadgateway.telemetry.tracing import NO_TRACE, Attributes, Span, SpanKind, TraceHeaders, Tracing
from leadgateway_worker.delivery import Exchange
from leadgateway_worker.failure import Kind
from leadgateway_worker.naming import names
from leadgateway_worker.verdict import kind_of

Decision = Literal["mapped", "rejected", "defect"]


class LeadSpan(Protocol):
    """The span of one step; ended by one of `decided`, `exchanged` and `interrupted`."""

    @property
    def ids(self) -> Mapping[str, str]:
        """For log lines: `trace_id` and `span_id`."""

    @property
    def headers(self) -> TraceHeaders:
        """What carries the trace on from here; empty where no span is recorded."""

    def decided(self, decision: Decision, *, code: str | None = None) -> None:
        """The route's rules and mapping came to an end; `code` is the one it was rejected with."""

    def exchanged(self, exchange: Exchange) -> None:
        """An attempt is over."""

    def interrupted(self) -> None:
        """An attempt was cut short, because the worker stops."""


class LeadSpans(Protocol):
    """Begins the spans of a worker."""

    @property
    def are_wanted(self) -> bool:
        """Whether the trace of each lead is worth reading."""

    def decision(self, claim: Claim, parent: TraceHeaders) -> LeadSpan:
        """Begin the span of a lead's rules and mapping."""

    def attempt(self, claim: Claim, route: RouteSnapshot, parent: TraceHeaders) -> LeadSpan:
        """Begin the span of an attempt to deliver a lead, in the task that makes it."""


def lead_spans(tracing: Tracing | None) -> LeadSpans:
    """Spans of leads, or none.

    Args:
        tracing: Where they go; None: nobody wants them.
    """
    return NO_SPANS if tracing is None else _Recorded(tracing)


class _NoSpan:
    ids: Mapping[str, str] = NO_TRACE
    headers: TraceHeaders = NO_TRACE

    def decided(self, decision: Decision, *, code: str | None = None) -> None:
        """Nobody wants to know."""

    def exchanged(self, exchange: Exchange) -> None:
        """Nobody wants to know."""

    def interrupted(self) -> None:
        """Nobody wants to know."""


class _NoSpans:
    are_wanted = False
    _span = _NoSpan()

    def decision(self, claim: Claim, parent: TraceHeaders) -> LeadSpan:  # noqa: ARG002
        return self._span

    def attempt(self, claim: Claim, route: RouteSnapshot, parent: TraceHeaders) -> LeadSpan:  # noqa: ARG002
        return self._span


NO_SPANS: LeadSpans = _NoSpans()


class _Recorded:
    are_wanted = True

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    def decision(self, claim: Claim, parent: TraceHeaders) -> LeadSpan:
        return _RecordedStep(self._tracing.begin("decide", SpanKind.INTERNAL, parent=parent), _of_lead(claim))

    def attempt(self, claim: Claim, route: RouteSnapshot, parent: TraceHeaders) -> LeadSpan:
        span = self._tracing.begin("POST", SpanKind.CLIENT, parent=parent)
        step = _RecordedStep(span, {**_of_lead(claim), **_of_request(claim, route)})
        # Each delivery has a task of its own, and so a context: every line that is logged in it names the span.
        structlog.contextvars.bind_contextvars(**step.ids)
        return step


class _RecordedStep:
    def __init__(self, span: Span, attributes: Attributes) -> None:
        self._span = span
        self._attributes = attributes
        self.ids = span.ids

    @property
    def headers(self) -> TraceHeaders:
        return self._span.headers

    def decided(self, decision: Decision, *, code: str | None = None) -> None:
        found = {"leadgateway.decision": decision} | ({} if code is None else {"leadgateway.reject_code": code})
        # A rejected lead is no error: its route says so.
        self._span.end({**self._attributes, **found}, error="defect" if decision == "defect" else None)

    def exchanged(self, exchange: Exchange) -> None:
        answered: Attributes = {} if exchange.status is None else {"http.response.status_code": exchange.status}
        self._span.end({**self._attributes, **answered}, error=_error(exchange))

    def interrupted(self) -> None:
        self._span.end(self._attributes, error=Kind.INTERRUPTED)


def _of_lead(claim: Claim) -> Attributes:
    return {f"leadgateway.{name}": value for name, value in names(claim).items()} | {"leadgateway.round": claim.round}


def _of_request(claim: Claim, route: RouteSnapshot) -> Attributes:
    url = urlsplit(route.endpoint.url)
    attributes: dict[str, str | int] = {
        "http.request.method": "POST",
        "server.address": url.hostname or "",
        "server.port": url.port or (443 if url.scheme == "https" else 80),
        "url.full": f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}",
    }
    # By the conventions only where a request is a repeat.
    return attributes | {"http.request.resend_count": claim.failures} if claim.failures else attributes


def _error(exchange: Exchange) -> str | None:
    """`error.type`: by the conventions the status where there is one, else a word for the failure."""
    kind = kind_of(exchange)
    if kind is Kind.DELIVERED:
        return None
    return str(exchange.status) if kind is Kind.STATUS else str(kind)
