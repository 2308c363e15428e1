"""How many leads came, and what became of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from leadgateway.store.statistics import statistics
from leadgateway.store.status import LeadStatus
from leadgateway_webhook.console.api.filters import RouteName
from leadgateway_webhook.console.api.leads import Database, Viewer
from leadgateway_webhook.console.api.problems import ProblemRoute

_DAY = timedelta(days=1)

router = APIRouter(route_class=ProblemRoute, tags=["statistics"])


class TimeBucket(BaseModel):
    """The leads that were accepted in a stretch of time."""

    start: datetime
    by_status: dict[LeadStatus, int]


class Statistics(BaseModel):
    """The leads that were accepted in a period, by where they stand now."""

    received_from: datetime
    received_before: datetime
    bucket_seconds: int
    total: int
    by_status: dict[LeadStatus, int]
    by_route: dict[str, dict[LeadStatus, int]]
    by_reject_code: dict[str, dict[str, int]] = Field(description="by route, then by code")
    by_time: list[TimeBucket] = Field(description="in order; stretches without leads are left out")


@router.get("/statistics")
def show_statistics(
    _: Viewer,
    connection: Database,
    route: Annotated[RouteName | None, Query()] = None,
    received_from: Annotated[AwareDatetime | None, Query(description="default: a day before the end")] = None,
    received_before: Annotated[AwareDatetime | None, Query(description="default: now")] = None,
    bucket_seconds: Annotated[int, Query(ge=1, le=366 * 86_400)] = 3600,
) -> Statistics:
    """Count leads by status, route, reject code and time."""
    until = received_before or datetime.now(UTC)
    since = received_from or until - _DAY
    bucket = timedelta(seconds=bucket_seconds)
    found = statistics(connection, received_from=since, received_before=until, bucket=bucket, route=route)
    return Statistics(
        received_from=since,
        received_before=until,
        bucket_seconds=bucket_seconds,
        total=found.total,
        by_status=dict(found.by_status),
        by_route={route: dict(counts) for route, counts in found.by_route.items()},
        by_reject_code={route: dict(codes) for route, codes in found.by_reject_code.items()},
        by_time=[TimeBucket(start=each.start, by_status=dict(each.counts)) for each in found.by_time],
    )
