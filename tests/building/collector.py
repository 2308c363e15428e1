"""A collector of spans for tests: a real HTTP server that takes OTLP (protobuf) and remembers what came.

with Collector() as collector:
    ... {"LEADGATEWAY_TRACING": "on", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url} ...
    spans = collector.wait_for(3)
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.building.waiting import eventually


@dataclass(frozen=True, slots=True)
class Collected:
    """One span as it was exported; ids in hexadecimal, `parent_id` empty for a root."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: Mapping[str, str | int]
    failed: bool
    service: str

    @property
    def traceparent(self) -> str:
        """The header that makes it the parent, without its flags."""
        return f"00-{self.trace_id}-{self.span_id}"


class Collector:
    """The server; entered, it listens on 127.0.0.1 and a free port."""

    def __init__(self, status: int = 200) -> None:
        """Make a collector.

        Args:
            status: What it answers with.
        """
        self._bodies: list[bytes] = []
        bodies = self._bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                assert self.path == "/v1/traces"
                bodies.append(body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Not among the output of the tests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="collector", daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def received(self) -> bytes:
        """Every byte that was exported."""
        return b"".join(self._bodies)

    @property
    def spans(self) -> list[Collected]:
        return [span for body in list(self._bodies) for span in _spans(body)]

    def wait_for(self, count: int, *, seconds: float = 60) -> list[Collected]:
        """Return the spans once so many have come."""
        eventually(lambda: len(self.spans) >= count, within=seconds, what=f"{count} spans instead of {self.spans}")
        return self.spans

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


def _spans(body: bytes) -> list[Collected]:
    request = ExportTraceServiceRequest.FromString(body)
    return [
        _collected(span, str(_values(resource.resource.attributes)["service.name"]))
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _collected(span: Span, service: str) -> Collected:
    return Collected(
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        attributes=_values(span.attributes),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        service=service,
    )


def _values(attributes: Iterable[KeyValue]) -> dict[str, str | int]:
    return {pair.key: _value(pair.value) for pair in attributes}


def _value(value: AnyValue) -> str | int:
    return value.int_value if value.HasField("int_value") else value.string_value
