"""Tracing by OpenTelemetry's SDK, sent by OTLP over HTTP; imported only where it is turned on.

Endpoint, headers, certificates, sampler, batches and limits are OpenTelemetry's own OTEL_… variables, which the SDK
reads: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. Its global providers are left
alone, so that no library begins spans by itself (FastAPI's would hold what people search for).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from leadgateway import __version__
from leadgateway.settings import InvalidSettings
from leadgateway.telemetry.logs import resource
from leadgateway.telemetry.tracing import CLOSING_SECONDS, Attributes, SpanKind, TraceHeaders

_KINDS: Mapping[SpanKind, trace.SpanKind] = {
    SpanKind.SERVER: trace.SpanKind.SERVER,
    SpanKind.CLIENT: trace.SpanKind.CLIENT,
    SpanKind.INTERNAL: trace.SpanKind.INTERNAL,
}
_W3C = TraceContextTextMapPropagator()


class OpenTelemetry:
    """See `leadgateway.telemetry.tracing.Tracing`."""

    def __init__(self, role: str) -> None:
        """Start the thread that sends.

        Args:
            role: Part of the system.

        Raises:
            InvalidSettings: An OTEL_… variable can't be used.
        """
        # What the environment says of the process goes before what we do.
        named = {**resource(role), **OTELResourceDetector().detect().attributes}
        try:
            self._provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        except ValueError as error:
            raise InvalidSettings(f"an OTEL_… variable can't be used: {error}") from None
        self._tracer = self._provider.get_tracer("leadgateway", __version__)

    def begin(self, name: str, kind: SpanKind, *, parent: TraceHeaders) -> OpenSpan:
        """See `Tracing`."""
        context = _W3C.extract(parent, context=Context()) if parent else Context()
        return OpenSpan(self._tracer.start_span(name, context=context, kind=_KINDS[kind]))

    def close(self, within: float = CLOSING_SECONDS) -> None:
        """See `Tracing`."""
        # In a thread: an exporter that is in mid-request with a collector that hangs takes its own time.
        thread = threading.Thread(target=self._provider.shutdown, name="tracing-end", daemon=True)
        thread.start()
        thread.join(within)


class OpenSpan:
    """See `leadgateway.telemetry.tracing.Span`."""

    def __init__(self, span: trace.Span) -> None:
        """Wrap a span that has begun; without a valid context (by OTEL_SDK_DISABLED) it carries nothing on."""
        self._span = span

    @property
    def headers(self) -> TraceHeaders:
        """See `Span`."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, context=trace.set_span_in_context(self._span, Context()))
        return carrier

    @property
    def ids(self) -> Mapping[str, str]:
        """See `Span`."""
        context = self._span.get_span_context()
        if not context.is_valid:
            return {}
        return {"trace_id": trace.format_trace_id(context.trace_id), "span_id": trace.format_span_id(context.span_id)}

    def end(self, attributes: Attributes, *, error: str | None = None, name: str | None = None) -> None:
        """See `Span`."""
        if self._span.is_recording():
            if name is not None:
                self._span.update_name(name)
            self._span.set_attributes(attributes)
            if error is not None:
                self._span.set_attribute("error.type", error)
                self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()
