"""How many leads came, for which route, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from leadgateway.route.snapshot import RouteKey
from leadgateway.store import arrays
from leadgateway.store.connection import Connection
from leadgateway.store.execute import Row, rows
from leadgateway.store.search import numbers_between
from leadgateway.store.search_index import catch_up
from leadgateway.store.status import LeadStatus

MOST_BUCKETS = 1000
"""Into how many stretches of time a period can be divided."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class InvalidPeriod(ValueError):
    """There are no statistics of such a period.

    Attributes:
        field: The part that is wrong.
        sentence: What is wrong and what to write instead.
    """

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}")
        self.field = field
        self.sentence = sentence


Counts = Mapping[LeadStatus, int]
"""Leads by where they stand now; those that aren't named are none."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """The leads that were accepted in a stretch of time, by where they stand now.

    Attributes:
        start: When it begins; it ends where the next may begin.
        counts: The leads.
    """

    start: datetime
    counts: Counts


@dataclass(frozen=True, slots=True)
class Statistics:
    """The leads that were accepted in a period, by where they stand now.

    Attributes:
        total: All of them.
        by_status: Of all routes.
        by_route: Of each route that has any.
        by_reject_code: Of the REJECTED ones, why, of each route.
        by_time: In order; stretches without leads are left out.
    """

    total: int
    by_status: Counts
    by_route: Mapping[RouteKey, Counts]
    by_reject_code: Mapping[RouteKey, Mapping[str, int]]
    by_time: tuple[Bucket, ...]


def statistics(
    connection: Connection,
    *,
    received_from: datetime,
    received_before: datetime,
    bucket: timedelta,
    route: RouteKey | None = None,
) -> Statistics:
    """Count the leads that were accepted in a period. Takes about a second for each million of those.

    Args:
        connection: In autocommit.
        received_from: The period's begin.
        received_before: Its end, which is no part of it.
        bucket: How long the stretches of `by_time` are, from a second; they begin at full multiples of it (UTC).
        route: Only of this route.

    Raises:
        InvalidPeriod: By field.
    """
    _check(received_from, received_before, bucket)
    catch_up(connection)
    after, before = numbers_between(connection, received_from, received_before)
    parameters = {
        "after": after,
        "before": before,
        "received_from": received_from,
        "received_before": received_before,
        "bucket": bucket,
        "epoch": _EPOCH,
        "route": None if route is None else arrays.storable(route),
    }
    # Whoever moves a lead writes its new route into both.
    of_route = "true" if route is None else "x.route = %(route)s AND x.lead_id > %(after)s AND x.lead_id < %(before)s"
    return _statistics(rows(connection, _COUNT.replace("{route}", of_route), parameters))


def _check(received_from: datetime, received_before: datetime, bucket: timedelta) -> None:
    if received_from >= received_before:
        raise InvalidPeriod("received_before", "not later than received_from, so no lead can be meant")
    if bucket < timedelta(seconds=1):
        raise InvalidPeriod("bucket", "a second at the least")
    if (received_before - received_from) / bucket > MOST_BUCKETS:
        raise InvalidPeriod("bucket", f"so short that there would be more than {MOST_BUCKETS}; write a longer one")


def _statistics(counted: list[Row]) -> Statistics:
    by_status: dict[LeadStatus, int] = {}
    by_route: dict[RouteKey, dict[LeadStatus, int]] = {}
    by_reject_code: dict[RouteKey, dict[str, int]] = {}
    by_time: dict[datetime, dict[LeadStatus, int]] = {}
    for kind, route, status, code, start, count in counted:
        if kind == "status":
            by_status[LeadStatus(status)] = count
        elif kind == "route":
            by_route.setdefault(route, {})[LeadStatus(status)] = count
        elif kind == "code":
            by_reject_code.setdefault(route, {})[code] = count
        else:
            by_time.setdefault(start, {})[LeadStatus(status)] = count
    buckets = tuple(Bucket(start, counts) for start, counts in sorted(by_time.items()))
    return Statistics(sum(by_status.values()), by_status, by_route, by_reject_code, buckets)


# The leads are read once; what is counted after that are the few groups of the first.
_COUNT = """
WITH counted AS MATERIALIZED (
    SELECT s.route, s.status, s.reject_code, date_bin(%(bucket)s, x.received_at, %(epoch)s) AS start, count(*) AS n
    FROM lead_search AS x JOIN lead_state AS s USING (lead_id)
    WHERE x.received_at >= %(received_from)s AND x.received_at < %(received_before)s
      AND s.lead_id > %(after)s AND s.lead_id < %(before)s
      AND {route}
    GROUP BY 1, 2, 3, 4
)
SELECT 'status', NULL, status, NULL, NULL::timestamptz, sum(n)::bigint FROM counted GROUP BY status
UNION ALL
SELECT 'route', route, status, NULL, NULL, sum(n)::bigint FROM counted GROUP BY route, status
UNION ALL
SELECT 'code', route, NULL, reject_code, NULL, sum(n)::bigint FROM counted WHERE reject_code IS NOT NULL
GROUP BY route, reject_code
UNION ALL
SELECT 'time', NULL, status, NULL, start, sum(n)::bigint FROM counted GROUP BY start, status
"""
