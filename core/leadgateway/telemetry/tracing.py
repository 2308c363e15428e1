"""Spans of what becomes of a lead, for those who want them.

Off unless asked for, and then nothing of OpenTelemetry's SDK is imported here: `open_tracing` gives None, and who would
begin a span does nothing. A span's parent is named each time, by the headers that carry a trace on, because a lead
waits in the database between its post and its deliveries, where no thread's or task's context follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from importlib.util import find_spec
from types import MappingProxyType
from typing import Protocol

from leadgateway.settings import InvalidSettings, TracingSettings

TraceHeaders = Mapping[str, str]
"""`traceparent`, and `tracestate` if there is one, by lower-case name; empty where there is no trace."""
NO_TRACE: TraceHeaders = MappingProxyType({})
Attributes = Mapping[str, str | int]
"""What a span says, by OpenTelemetry's semantic conventions, and `leadgateway.…` beside them."""

CLOSING_SECONDS = 2.0
"""How long the end of a process waits for its last spans to be sent."""


class SpanKind(Enum):
    """The part that a span has in an exchange."""

    SERVER = "server"
    CLIENT = "client"
    INTERNAL = "internal"


class Span(Protocol):
    """Something that goes on until `end`."""

    @property
    def headers(self) -> TraceHeaders:
        """What carries the trace on from here."""

    @property
    def ids(self) -> Mapping[str, str]:
        """`trace_id` and `span_id`, as OpenTelemetry's data model of logs has them."""

    def end(self, attributes: Attributes, *, error: str | None = None, name: str | None = None) -> None:
        """End it, once.

        Args:
            attributes: What came of it; ids, codes and counts, never a lead's contents.
            error: Why it failed, as `error.type`: one word of a small number of them.
            name: A better name than it began with.
        """


class Tracing(Protocol):
    """Begins spans, and sends them on from a thread of its own: never waits, drops what nobody takes."""

    def begin(self, name: str, kind: SpanKind, *, parent: TraceHeaders) -> Span:
        """Begin a span.

        Args:
            name: One of a small number.
            kind: Its part.
            parent: What it belongs to; empty: a trace of its own.
        """

    def close(self, within: float = CLOSING_SECONDS) -> None:
        """Send what has gathered, and end.

        Args:
            within: The most seconds to take.
        """


def open_tracing(role: str, settings: TracingSettings) -> Tracing | None:
    """Begin to record spans, if that is asked for.

    Args:
        role: Part of the system; its spans have `service.name` `lead-gateway-<role>`, unless OTEL_SERVICE_NAME says
            otherwise.
        settings: Whether.

    Raises:
        InvalidSettings: It is, and the extra is not installed, or an OTEL_… variable can't be used.
    """
    if not settings.enabled:
        return None
    if not _is_installed():
        raise InvalidSettings(
            "LEADGATEWAY_TRACING is on, and OpenTelemetry is not installed: install lead-gateway[tracing], "
            "or set LEADGATEWAY_TRACING=off"
        )
    from leadgateway.telemetry.open_telemetry import OpenTelemetry  # noqa: PLC0415 - only here is it wanted

    return OpenTelemetry(role)


def _is_installed() -> bool:
    try:
        return all(find_spec(name) for name in ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http"))
    except ModuleNotFoundError:
        return False
