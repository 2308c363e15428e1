"""A line for every post, for those who want it: written in batches, since it must cost little beside a post.

A line by way of structlog and logging takes a quarter of the time of a whole post. So these lines are put together by
hand, of values that need no escaping, and written a few times a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal, Protocol
from uuid import UUID

import orjson

from leadgateway.telemetry.logs import resource, write_lines
from leadgateway.telemetry.tracing import NO_TRACE

_SECONDS = 0.2
"""A line waits for so long at the most."""

Format = Literal["json", "console"]


class AccessLog(Protocol):
    """Told of every post that was answered."""

    def note(
        self,
        route: str,
        correlation_id: UUID,
        *,
        status: int,
        outcome: str,
        seconds: float,
        trace: Mapping[str, str] = NO_TRACE,
    ) -> None:
        """Note one.

        Args:
            route: The route's key, or that there was none.
            correlation_id: Of the post.
            status: Of the answer.
            outcome: As it is counted.
            seconds: What it took.
            trace: The ids of its span; none where none is recorded.
        """

    def flush(self) -> None:
        """Write what has not been written yet."""


class NoAccessLog:
    """Nobody wants the lines."""

    def note(
        self,
        route: str,
        correlation_id: UUID,
        *,
        status: int,
        outcome: str,
        seconds: float,
        trace: Mapping[str, str] = NO_TRACE,
    ) -> None:
        """Note nothing."""

    def flush(self) -> None:
        """Write nothing."""


class BufferedAccessLog:
    """Gathers lines in the event loop; they are written a moment later."""

    def __init__(self, format: Format, write: Callable[[Iterable[str]], None] = write_lines) -> None:  # noqa: A002
        """Make it; nothing is written yet.

        Args:
            format: Of the process's log.
            write: Takes finished lines.
        """
        self._compose = _as_json if format == "json" else _as_text
        self._write = write
        self._lines: list[str] = []

    def note(
        self,
        route: str,
        correlation_id: UUID,
        *,
        status: int,
        outcome: str,
        seconds: float,
        trace: Mapping[str, str] = NO_TRACE,
    ) -> None:
        """See `AccessLog`. For the running loop."""
        if not self._lines:
            asyncio.get_running_loop().call_later(_SECONDS, self.flush)
        self._lines.append(self._compose(route, correlation_id, status, outcome, seconds, trace=trace))

    def flush(self) -> None:
        """See `AccessLog`."""
        lines, self._lines = self._lines, []
        if lines:
            self._write(lines)


_HEAD = orjson.dumps(resource("webhook")).decode().removesuffix("}")


def _as_json(
    route: str, correlation_id: UUID, status: int, outcome: str, seconds: float, *, trace: Mapping[str, str]
) -> str:
    # A route's key holds letters, digits, dots, hyphens and one slash, ids of a trace are hexadecimal; nothing needs
    # escaping.
    ids = "".join(f',"{name}":"{value}"' for name, value in trace.items())
    return (
        f'{_HEAD},"timestamp":"{_now()}","severity_text":"info","body":"post.answered","route":"{route}",'
        f'"correlation_id":"{correlation_id}","http.response.status_code":{status},"outcome":"{outcome}",'
        f'"duration_ms":{seconds * 1000:.1f}{ids}}}'
    )


def _as_text(
    route: str, correlation_id: UUID, status: int, outcome: str, seconds: float, *, trace: Mapping[str, str]
) -> str:
    ids = "".join(f" {name}={value}" for name, value in trace.items())
    return (
        f"{_now()} [info     ] post.answered  correlation_id={correlation_id} duration_ms={seconds * 1000:.1f} "
        f"outcome={outcome} response_status={status} route={route}{ids}"
    )


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
