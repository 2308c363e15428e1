"""How each route is doing: what waits, and what came of its leads lately."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadgateway.route.snapshot import RouteKey
from leadgateway.store.backlog import RouteWaiting, waiting_by_route
from leadgateway.store.connection import Connection
from leadgateway.store.execute import INDEX_LOOKUPS, rows
from leadgateway.store.status import LeadStatus


@dataclass(frozen=True, slots=True)
class RouteState:
    """A route's leads.

    Attributes:
        route: The route, whether any process knows it or not.
        waiting: Those that have not come to an end, those in flight included.
        due: Those of them whose time has come.
        oldest_due_at: The time of the longest due; None if none is due.
        next_due_at: The time of the next one to become due; None if there is none.
        delivered: Those that were delivered lately.
        given_up: Those that became PERMANENTLY_FAILED lately.
        rejected: Those that were rejected lately.
    """

    route: RouteKey
    waiting: int = 0
    due: int = 0
    oldest_due_at: datetime | None = None
    next_due_at: datetime | None = None
    delivered: int = 0
    given_up: int = 0
    rejected: int = 0

    @property
    def success_rate(self) -> float | None:
        """Of the leads that the customer was to get and that came to an end lately, the share that it took."""
        return success_rate({LeadStatus.DELIVERED: self.delivered, LeadStatus.PERMANENTLY_FAILED: self.given_up})


def success_rate(counts: Mapping[LeadStatus, int]) -> float | None:
    """Delivered, of those delivered or given up, from 0 to 1; None: neither."""
    delivered = counts.get(LeadStatus.DELIVERED, 0)
    ends = delivered + counts.get(LeadStatus.PERMANENTLY_FAILED, 0)
    return delivered / ends if ends else None


def route_states(connection: Connection, *, recent: timedelta) -> list[RouteState]:
    """How the routes are doing that have leads, in the order of their names.

    Args:
        connection: In autocommit.
        recent: How long ago a lead may have come to its end to be counted.
    """
    waiting = {state.route: state for state in waiting_by_route(connection)}
    ended: dict[RouteKey, dict[str, int]] = {}
    for route, status, count in rows(connection, INDEX_LOOKUPS + _ENDED, {"recent": recent}):
        ended.setdefault(route, {})[status] = count
    names = sorted(waiting.keys() | ended.keys())
    return [_state(waiting.get(route) or RouteWaiting(route), ended.get(route, {})) for route in names]


def _state(waiting: RouteWaiting, ended: Mapping[str, int]) -> RouteState:
    return RouteState(
        waiting.route,
        waiting.waiting,
        waiting.due,
        waiting.oldest_due_at,
        waiting.next_due_at,
        delivered=ended.get(LeadStatus.DELIVERED, 0),
        given_up=ended.get(LeadStatus.PERMANENTLY_FAILED, 0),
        rejected=ended.get(LeadStatus.REJECTED, 0),
    )


# A loose index scan over the routes that have ended leads, and of each the last ones: see `claims` and `retention`.
_ENDED = """
WITH RECURSIVE ended (route) AS (
    (SELECT route FROM lead_state WHERE ended_at IS NOT NULL AND contents_removed_at IS NULL ORDER BY route LIMIT 1)
    UNION ALL
    SELECT next.route FROM ended CROSS JOIN LATERAL (
        SELECT route FROM lead_state
        WHERE ended_at IS NOT NULL AND contents_removed_at IS NULL AND route > ended.route ORDER BY route LIMIT 1
    ) AS next
)
SELECT ended.route, s.status, count(s.status) FROM ended LEFT JOIN lead_state AS s
  ON s.route = ended.route AND s.ended_at IS NOT NULL AND s.contents_removed_at IS NULL
 AND s.ended_at >= now() - %(recent)s
GROUP BY 1, 2
"""
