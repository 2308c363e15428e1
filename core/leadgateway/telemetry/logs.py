"""Structured logs: one JSON object a line, or a readable line in development.

Field names follow the OpenTelemetry semantic conventions where one exists. Lead contents and secrets are never logged:
callers pass ids, codes and counts.
"""

from __future__ import annotations

import logging
import sys
from typing import Literal

import orjson
import structlog

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
        structlog.stdlib.ExtraAdder(),
        stamp,
    ]
    # WHY format_exc_info here: a traceback is text for both formats, and JSON has no other place for it.
    if format == "json":
        service = f"lead-gateway-{role}"

        def name_service(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
            event["service.name"] = service
            return event

        render: list[structlog.typing.Processor] = [
            structlog.processors.format_exc_info,
            name_service,
            structlog.processors.EventRenamer("body"),
            structlog.processors.JSONRenderer(serializer=_to_json),
        ]
    else:
        # Rich tracebacks would print local variables, and so lead contents.
        plain = structlog.dev.plain_traceback
        render = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
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


def _to_json(event: object, **_: object) -> str:
    return orjson.dumps(event, default=repr).decode()
