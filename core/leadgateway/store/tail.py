"""Following leads: what happens to those that come, and to the last ones from before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leadgateway.route.snapshot import RouteKey
from leadgateway.store import arrays
from leadgateway.store.connection import Connection
from leadgateway.store.execute import INDEX_LOOKUPS, rows
from leadgateway.store.status import LeadStatus

_MOST_FOLLOWED = 5000
_MOST_AT_ONCE = 1000
_OUT_OF_ORDER = 1000
"""A number is given before its lead is committed, so one may turn up this far below the highest."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change of a lead's state."""

    lead_id: int
    at: datetime
    route: RouteKey
    from_status: LeadStatus | None
    to_status: LeadStatus
    code: str | None
    actor: str


class Tail:
    """The leads that are followed: the newest few thousand, of one route or of all."""

    def __init__(self, connection: Connection, *, route: RouteKey | None, lines: int) -> None:
        """Begin with the last leads.

        Args:
            connection: In autocommit.
            route: Only leads of this route; None: of all.
            lines: How many leads from before to begin with.
        """
        self._route = route
        wanted = {"route": route, "limit": lines}
        [(highest,)] = rows(connection, _HIGHEST)
        last = [lead_id for (lead_id,) in rows(connection, INDEX_LOOKUPS + _LAST, wanted)]
        self._seen = dict.fromkeys(sorted(last), 0)  # by lead: the number of its last step that was told
        self._highest = highest
        around = {"above": highest - _OUT_OF_ORDER, "route": None, "limit": 2 * _OUT_OF_ORDER}
        there = {lead_id for lead_id, _ in rows(connection, INDEX_LOOKUPS + _NEW, around) if lead_id <= highest}
        self._passed_over = there - self._seen.keys()

    def steps(self, connection: Connection) -> list[Step]:
        """What happened since the last call, in the order in which it did.

        Args:
            connection: In autocommit; not necessarily the one of the call before.
        """
        self._take_on(connection)
        followed = {
            "lead_ids": arrays.number_array(self._seen),
            "told": arrays.number_array(self._seen.values()),
        }
        found = rows(connection, INDEX_LOOKUPS + _STEPS, followed)
        for lead_id, seq, *_ in found:
            self._seen[lead_id] = max(self._seen[lead_id], seq)
        return [
            Step(lead_id, at, route, before and LeadStatus(before), LeadStatus(after), code, actor)
            for lead_id, _, at, route, before, after, code, actor in found
        ]

    def _take_on(self, connection: Connection) -> None:
        above = self._highest - _OUT_OF_ORDER
        wanted = {"above": above, "route": self._route, "limit": _MOST_AT_ONCE + _OUT_OF_ORDER}
        for lead_id, is_meant in rows(connection, INDEX_LOOKUPS + _NEW, wanted):
            self._highest = max(self._highest, lead_id)
            if lead_id in self._seen or lead_id in self._passed_over:
                continue
            if is_meant:
                self._seen[lead_id] = 0
            else:
                self._passed_over.add(lead_id)
        self._passed_over = {lead_id for lead_id in self._passed_over if lead_id > self._highest - _OUT_OF_ORDER}
        for lead_id in sorted(self._seen)[:-_MOST_FOLLOWED]:
            if lead_id <= self._highest - _OUT_OF_ORDER:
                del self._seen[lead_id]


_HIGHEST = "SELECT coalesce(max(lead_id), 0) FROM lead_state"

_LAST = """
SELECT lead_id FROM lead_state WHERE %(route)s::text IS NULL OR route = %(route)s ORDER BY lead_id DESC LIMIT %(limit)s
"""

_NEW = """
SELECT lead_id, %(route)s::text IS NULL OR route = %(route)s FROM lead_state
WHERE lead_id > %(above)s ORDER BY lead_id LIMIT %(limit)s
"""

_STEPS = """
SELECT t.lead_id, t.seq, t.at, s.route, t.from_status, t.to_status, t.code, t.actor
FROM unnest(%(lead_ids)s::bigint[], %(told)s::int[]) AS f (lead_id, told)
JOIN lead_state AS s USING (lead_id)
JOIN status_transition AS t ON t.lead_id = f.lead_id AND t.seq > f.told
WHERE s.transitions > f.told
ORDER BY t.at, t.lead_id, t.seq
"""
