"""Retention: the contents of leads that ended long enough ago, and later their records, are removed a little at once.

Contents are bodies, headers, mapped payloads and the customers' answers. The record is the rest: states, times, codes,
attempts. The database itself refuses to touch a lead that waits, or one that ended less than an hour ago.

One process removes at a time: whoever holds an advisory lock for the length of one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from leadgateway.route.snapshot import RouteKey
from leadgateway.store.connection import Connection
from leadgateway.store.execute import INDEX_LOOKUPS, rows

Part: TypeAlias = Literal["contents", "records"]
"""What of a lead is removed."""


@dataclass(frozen=True, slots=True)
class RouteEnds:
    """The leads of a route that came to an end and are still there.

    Attributes:
        route: The route, whether any process knows it or not.
        contents: When the first of those ended that have their contents; None: there is none.
        records: When the first of those ended that are a bare record; None: there is none.
    """

    route: RouteKey
    contents: datetime | None
    records: datetime | None


@dataclass(frozen=True, slots=True)
class Ends:
    """The ends of all routes as of one moment, by the database's clock."""

    now: datetime
    routes: Sequence[RouteEnds]


def ends(connection: Connection) -> Ends:
    """Find out, by route, when the oldest leads ended; cheap, whatever their number."""
    found = rows(connection, INDEX_LOOKUPS + _ENDS)
    return Ends(found[0][0], [RouteEnds(*row[1:]) for row in found if row[1] is not None])


def remove(
    connection: Connection, part: Part, *, route: RouteKey, older_than: timedelta, limit: int = 500
) -> int | None:
    """Remove the contents or the records of leads that ended long enough ago, the oldest first.

    Contents go before records: only a lead without contents loses its record. Call it again while it returns `limit`.

    Args:
        connection: In autocommit; the batch is one transaction.
        part: What to remove.
        route: Whose leads.
        older_than: How long ago they must have ended; an hour at the least.
        limit: How many at the most.

    Returns:
        How many leads it was done to; None if another process is removing at the moment.

    Raises:
        RowRefused: `older_than` or `limit` are outside of what the database allows.
    """
    parameters = {"route": route, "older_than": older_than, "limit": limit}
    removed: int | None = rows(connection, INDEX_LOOKUPS + _REMOVE[part], parameters)[0][0]
    return removed


def mark_ended(connection: Connection, *, limit: int = 1000) -> int:
    """Note the end of leads that ended without it: before there was retention, or by an older version's doing.

    Args:
        connection: In autocommit.
        limit: How many at the most. Call it again while it returns as many.

    Returns:
        How many there were.
    """
    return len(rows(connection, INDEX_LOOKUPS + _MARK_ENDED, {"limit": limit}))


# A loose index scan over each of the two indexes, see `claims`.
_ENDS = """
WITH RECURSIVE contents (route, first_end) AS (
    (
        SELECT route, ended_at FROM lead_state WHERE ended_at IS NOT NULL AND contents_removed_at IS NULL
        ORDER BY route, ended_at LIMIT 1
    )
    UNION ALL
    SELECT next.* FROM contents CROSS JOIN LATERAL (
        SELECT route, ended_at FROM lead_state
        WHERE ended_at IS NOT NULL AND contents_removed_at IS NULL AND route > contents.route
        ORDER BY route, ended_at LIMIT 1
    ) AS next
), records (route, first_end) AS (
    (
        SELECT route, ended_at FROM lead_state WHERE ended_at IS NOT NULL AND contents_removed_at IS NOT NULL
        ORDER BY route, ended_at LIMIT 1
    )
    UNION ALL
    SELECT next.* FROM records CROSS JOIN LATERAL (
        SELECT route, ended_at FROM lead_state
        WHERE ended_at IS NOT NULL AND contents_removed_at IS NOT NULL AND route > records.route
        ORDER BY route, ended_at LIMIT 1
    ) AS next
), by_route (route, contents, records) AS (
    SELECT route, max(first_end) FILTER (WHERE part = 'contents'), max(first_end) FILTER (WHERE part = 'records')
    FROM (SELECT 'contents' AS part, * FROM contents UNION ALL SELECT 'records', * FROM records) AS found
    GROUP BY route
)
SELECT now(), by_route.* FROM (SELECT 1) AS always LEFT JOIN by_route ON true ORDER BY route
"""

_REMOVE: dict[Part, str] = {
    "contents": "SELECT remove_contents(%(route)s, %(older_than)s, %(limit)s)",
    "records": "SELECT remove_records(%(route)s, %(older_than)s, %(limit)s)",
}

_MARK_ENDED = """
UPDATE lead_state SET ended_at = updated_at WHERE lead_id = ANY (ARRAY(
    SELECT lead_id FROM lead_state WHERE due_at IS NULL AND ended_at IS NULL
    ORDER BY lead_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
))
RETURNING 1
"""
