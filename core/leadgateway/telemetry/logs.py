"""Structured logs: one JSON object a line, or a readable line in development.

JSON names its fields after OpenTelemetry's log data model and semantic conventions where they have a name, see
`CONVENTIONS`. Lead contents and secrets are never logged: callers pass ids, codes and counts.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping
from typing import Literal

import orjson
import structlog

from leadgateway import __version__

CONVENTIONS: Mapping[str, str] = {
    # https://opentelemetry.io/docs/specs/otel/logs/data-model/
    "event": "body",
    "level": "severity_text",
    "logger": "otel.scope.name",
    # https://opentelemetry.io/docs/specs/semconv/registry/attributes/
    "error": "error.message",
    "error_type": "error.type",
    "kind": "error.type",
    "exception": "exception.stacktrace",
    "response_status": "http.response.status_code",
    "customer": "server.address",
}
"""What a field is called in JSON, where that differs from its name in the code and in the console format."""

_NOISY = ("httpx", "aiohttp.access", "uvicorn.access", "rq.worker", "rq.scheduler", "alembic")


def configure_logging(
    role: str,
    *,
    format: Literal["json", "console"] = "json",  # noqa: A002
    level: str = "info",
) -> None:
    """Send this process's logs, and those of the libraries it uses, to standard error.

    Args:
        role: Part of the system, logged as `service.name` (`lead-gateway-<role>`).
        format: `json` for machines, `console` for people.
        level: The least severe level that is written.
    """
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        stamp,
    ]
    # WHY format_exc_info here: a traceback is text for both formats, and JSON has no other place for it.
    if format == "json":
        render: list[structlog.typing.Processor] = [
            structlog.processors.format_exc_info,
            _by_convention(role),
            structlog.processors.JSONRenderer(serializer=_to_json),
        ]
    else:
        # Rich tracebacks would print local variables, and so lead contents.
        plain = structlog.dev.plain_traceback
        render = [_without_logger, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *(step for step in shared if not isinstance(step, structlog.stdlib.ExtraAdder)),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def write_lines(lines: Iterable[str]) -> None:
    """Write finished lines where the log goes, between its own.

    Args:
        lines: Each without its end.
    """
    handler = logging.getLogger().handlers[0]
    handler.acquire()
    try:
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()
    finally:
        handler.release()


def resource(role: str) -> dict[str, str]:
    """What each line in JSON says of the process, by OpenTelemetry's resource conventions."""
    return {"service.name": f"lead-gateway-{role}", "service.version": __version__}


def _by_convention(role: str) -> structlog.typing.Processor:
    about = resource(role)

    def rename(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {**about, **{CONVENTIONS.get(name, name): value for name, value in event.items()}}

    return rename


def _without_logger(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    event.pop("logger", None)
    return event


def _to_json(event: object, **_: object) -> str:
    return orjson.dumps(event, default=repr).decode()
