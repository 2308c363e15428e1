"""*Now*: whether leads flow, where they wait, and which customer fails; it follows along by itself."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse

from leadgateway.store.backlog import RouteWaiting, waiting_by_route
from leadgateway.store.connection import Connection
from leadgateway.store.errors import StoreError
from leadgateway.store.route_state import success_rate
from leadgateway.store.statistics import Statistics, statistics
from leadgateway.store.status import LeadStatus
from leadgateway_webhook.console.access import NotSignedIn, Principal, viewer
from leadgateway_webhook.console.catalogue import Catalogue
from leadgateway_webhook.console.parts import Parts, database, parts_of, render

PERIOD = timedelta(hours=1)
STRETCH = timedelta(minutes=1)
FRESH_SECONDS = 2.0
"""How long everybody is shown the same: however many look, the database is asked no more often."""
_STREAM_SECONDS = 600.0
_CHART_HEIGHT = 80
_MOST_ROUTES = 50

_GROUPS: Mapping[str, frozenset[LeadStatus]] = {
    "good": frozenset({LeadStatus.DELIVERED}),
    "wait": frozenset({LeadStatus.RECEIVED, LeadStatus.READY, LeadStatus.FAILED}),
    "bad": frozenset({LeadStatus.REJECTED, LeadStatus.PERMANENTLY_FAILED}),
}

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of a column of the chart, in the chart's own units."""

    x: int
    y: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True)
class Failing:
    """What a route's leads of the last hour came to.

    Attributes:
        route: The route.
        delivered: Those that were delivered.
        failed: Those that were given up.
        rejected: Those that were turned down before they were sent.
    """

    route: str
    delivered: int
    failed: int
    rejected: int

    @property
    def success_rate(self) -> float | None:
        """Of those that the customer was to get, the share that it took; None: it was to get none."""
        return success_rate({LeadStatus.DELIVERED: self.delivered, LeadStatus.PERMANENTLY_FAILED: self.failed})


@dataclass(frozen=True, slots=True)
class Flow:
    """How leads flow at one moment.

    Attributes:
        at: The moment.
        backlog: What waits, by route.
        hour: What arrived in the last hour.
        bars: The chart of it.
        most: The highest column, in leads.
        failing: The routes whose leads came to an end, the worst first.
    """

    at: datetime
    backlog: tuple[RouteWaiting, ...]
    hour: Statistics
    bars: tuple[Bar, ...]
    most: int
    failing: tuple[Failing, ...]

    def count(self, kind: str) -> int:
        """How many of the last hour's leads are `good`, `wait` or `bad`."""
        return sum(self.hour.by_status.get(status, 0) for status in _GROUPS[kind])


class Observer:
    """Looks at the flow at most once in a while, for all who want to know."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: Flow | None = None
        self._looked_at = 0.0

    def look(self, connection: Connection) -> Flow:
        """The flow, at most `FRESH_SECONDS` old.

        Raises:
            StoreError: By cause.
        """
        with self._lock:
            if self._seen is None or time.monotonic() - self._looked_at >= FRESH_SECONDS:
                self._seen = _look(connection, datetime.now(UTC))
                self._looked_at = time.monotonic()
            return self._seen


@router.get("/")
def show(
    request: Request,
    principal: Annotated[Principal, Depends(viewer)],
    connection: Annotated[Connection, Depends(database)],
) -> Response:
    """The page."""
    parts = parts_of(request)
    flow = _observer(request).look(connection)
    return render(request, "now.html", principal, flow=flow, catalogue=parts.catalogue.current)


@router.get("/now/stream")
async def follow(request: Request, principal: Annotated[Principal, Depends(viewer)]) -> Response:  # noqa: ARG001
    """The changing part of the page, again and again, as server-sent events.

    It ends after ten minutes; browsers come back by themselves, and are asked anew who they are.
    """
    return StreamingResponse(_stream(request), media_type="text/event-stream")


async def _stream(request: Request) -> AsyncIterator[bytes]:
    parts, observer = parts_of(request), _observer(request)
    ends = time.monotonic() + _STREAM_SECONDS
    shown = None
    while time.monotonic() < ends and not parts.is_ending() and not await request.is_disconnected():
        try:
            parts.access.principal(request)
            flow = await run_in_threadpool(_look_anew, parts, observer)
        except NotSignedIn:
            return
        except StoreError:
            yield b"event: trouble\ndata: The database can't be reached at the moment.\n\n"
        else:
            html = fragment(parts, flow, parts.catalogue.current)
            if html != shown:
                shown = html
                yield b"".join(b"data: %b\n" % line.encode() for line in html.splitlines()) + b"\n"
            else:
                yield b": still here\n\n"
        # In small steps, so that the end of the process is not held up.
        for _ in range(int(FRESH_SECONDS / 0.25)):
            if parts.is_ending():
                return
            await asyncio.sleep(0.25)


def fragment(parts: Parts, flow: Flow, catalogue: Catalogue) -> str:
    """The changing part of the page."""
    return parts.templates.fragment("_now.html", flow=flow, catalogue=catalogue)


def _look_anew(parts: Parts, observer: Observer) -> Flow:
    with parts.engine.connect() as connection:
        return observer.look(connection)


def _observer(request: Request) -> Observer:
    observer: Observer = request.app.state.observer
    return observer


def _look(connection: Connection, now: datetime) -> Flow:
    until = now.replace(second=0, microsecond=0) + STRETCH
    hour = statistics(connection, received_from=until - PERIOD, received_before=until, bucket=STRETCH)
    columns = _columns(hour, until - PERIOD)
    most = max((sum(column.values()) for column in columns), default=0)
    return Flow(
        at=now,
        backlog=tuple(waiting_by_route(connection)),
        hour=hour,
        bars=tuple(_bars(columns, most)),
        most=most,
        failing=_failing(hour),
    )


def _columns(hour: Statistics, begin: datetime) -> list[dict[str, int]]:
    columns: list[dict[str, int]] = [dict.fromkeys(_GROUPS, 0) for _ in range(int(PERIOD / STRETCH))]
    for bucket in hour.by_time:
        index = int((bucket.start - begin) / STRETCH)
        if 0 <= index < len(columns):
            for kind, statuses in _GROUPS.items():
                columns[index][kind] = sum(bucket.counts.get(status, 0) for status in statuses)
    return columns


def _bars(columns: list[dict[str, int]], most: int) -> list[Bar]:
    bars = []
    for x, column in enumerate(columns):
        y = float(_CHART_HEIGHT)
        for kind, leads in column.items():
            if leads:
                height = round(max(_CHART_HEIGHT * leads / most, 1.0), 1)
                y -= height
                bars.append(Bar(x * 10, round(y, 1), height, kind))
    return bars


def _failing(hour: Statistics) -> tuple[Failing, ...]:
    found = [
        Failing(
            route,
            delivered=counts.get(LeadStatus.DELIVERED, 0),
            failed=counts.get(LeadStatus.PERMANENTLY_FAILED, 0),
            rejected=counts.get(LeadStatus.REJECTED, 0),
        )
        for route, counts in hour.by_route.items()
    ]
    return tuple(sorted(found, key=_worst_first)[:_MOST_ROUTES])


def _worst_first(each: Failing) -> tuple[float, str]:
    return (1.0 if each.success_rate is None else each.success_rate, each.route)
