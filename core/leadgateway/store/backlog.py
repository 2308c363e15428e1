"""What waits: for wake-ups, metrics and people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from leadgateway.route.snapshot import RouteKey
from leadgateway.store import arrays
from leadgateway.store.connection import Connection
from leadgateway.store.execute import Lookup, Row, lookup, rows


@dataclass(frozen=True, slots=True)
class RouteBacklog:
    """The leads of a route that have not come to an end.

    Attributes:
        route: The route, whether any process knows it or not.
        waiting: All of them, those in flight included.
        due: Those whose time has come.
        oldest_due_at: The time of the longest due; None if none is due.
        next_due_at: The time of the next one to become due; None if there is none.
        oldest_due_seconds: For how long the longest due has been, by the database's clock; 0 if none is due.
        received: Of those waiting, the ones that were not looked at yet.
        ready: Of those waiting, the ones that are about to be sent, or on their way.
        failed: Of those waiting, the ones whose last attempt failed.
    """

    route: RouteKey
    waiting: int
    due: int
    oldest_due_at: datetime | None
    next_due_at: datetime | None
    oldest_due_seconds: float
    received: int
    ready: int
    failed: int

    @classmethod
    def none(cls, route: RouteKey) -> RouteBacklog:
        """Of a route that has nothing waiting."""
        return cls(route, 0, 0, None, None, 0.0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class RouteWaiting:
    """How many leads of a route have not come to an end, and since when; what people look at.

    Attributes:
        route: The route, whether any process knows it or not.
        waiting: All of them, those in flight included.
        due: Those whose time has come.
        oldest_due_at: The time of the longest due; None if none is due.
        next_due_at: The time of the next one to become due; None if there is none.
    """

    route: RouteKey
    waiting: int = 0
    due: int = 0
    oldest_due_at: datetime | None = None
    next_due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServerConnections:
    """How many connections a server has, of all clients and of its own workers, and may have from ordinary roles."""

    open: int
    limit: int


def backlog(connection: Connection) -> list[RouteBacklog]:
    """Count what waits, by route. Reads all leads that wait: 0.6 s for a million of them, on two cores."""
    return [RouteBacklog(*row) for row in rows(connection, _BACKLOG)]


def waiting_by_route(connection: Connection) -> list[RouteWaiting]:
    """Count what waits, by route, from the index alone: a sixth of what `backlog` takes where vacuum has been."""
    return [RouteWaiting(*row) for row in rows(connection, WAITING_BY_ROUTE)]


def waiting_of(connection: Connection, route: RouteKey) -> RouteWaiting:
    """Count what waits of one route; see `waiting_by_route`."""
    found = rows(connection, WAITING_OF, {"route": arrays.storable(route)})
    return RouteWaiting(*found[0]) if found else RouteWaiting(route)


def server_connections(connection: Connection) -> ServerConnections:
    """Count the server's connections; needs no privilege."""
    return ServerConnections(*rows(connection, _SERVER_CONNECTIONS)[0])


@dataclass(frozen=True, slots=True)
class Waiting:
    """Which routes have leads waiting, due or not.

    Attributes:
        oldest: By route, in the order of their names: when its longest due lead was due, or will be.
        at: When that was so, by the database's clock.
        claimable: Those of the routes with a lead that is due and that nobody works on.
    """

    oldest: Mapping[RouteKey, datetime]
    at: datetime
    claimable: AbstractSet[RouteKey]


def waiting_routes(connection: Connection) -> Waiting:
    """The routes that have leads waiting. Some may be routes that no longer exist.

    Cheap, whatever the number of leads that wait. Not so where many have ended and PostgreSQL must still keep what they
    were, because an old snapshot (a backup, a forgotten transaction) may want to see it: each is stepped over, which
    takes about 3 µs. Then ask for `still_waiting`.
    """
    return _waiting(lookup(connection, _WAITING))


def still_waiting(connection: Connection, since: Mapping[RouteKey, datetime]) -> Waiting:
    """Those of the given routes that have leads waiting which were not due before the given time; cheap in any case.

    Args:
        connection: In autocommit.
        since: By route.
    """
    parameters = {"routes": arrays.text_array(since), "since": arrays.time_array(since.values())}
    return _waiting(lookup(connection, _STILL_WAITING, parameters))


def _waiting(found: Sequence[Row]) -> Waiting:
    [at] = [oldest for route, oldest, _ in found if route is None]
    oldest = {route: oldest for route, oldest, _ in found if route is not None}
    return Waiting(oldest, at, frozenset(route for route, _, claimable in found if claimable))


_BACKLOG = """
SELECT route, count(*), count(*) FILTER (WHERE due_at <= now()), min(due_at) FILTER (WHERE due_at <= now()),
       min(due_at) FILTER (WHERE due_at > now()),
       greatest(extract(epoch FROM now() - min(due_at)), 0)::float8, count(*) FILTER (WHERE status = 'RECEIVED'),
       count(*) FILTER (WHERE status = 'READY'), count(*) FILTER (WHERE status = 'FAILED')
FROM lead_state WHERE due_at IS NOT NULL GROUP BY route ORDER BY route
"""

_COUNTED = """
SELECT route, count(*), count(*) FILTER (WHERE due_at <= now()), min(due_at) FILTER (WHERE due_at <= now()),
       min(due_at) FILTER (WHERE due_at > now())
FROM lead_state WHERE due_at IS NOT NULL
"""
WAITING_BY_ROUTE = _COUNTED + "GROUP BY route ORDER BY route"
WAITING_OF = _COUNTED + "AND route = %(route)s GROUP BY route"

# pg_stat_activity would tell clients from the server's own workers, but only to roles that may see everybody's.
_SERVER_CONNECTIONS = """
SELECT sum(numbackends)::int,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true)::int, 0)
FROM pg_stat_database
"""

# A loose index scan: it jumps from one route with waiting leads to the next. The index gives the longest due of each
# first. Entries of leads that have ended and that vacuum has not removed yet are stepped over. One row is for the
# time. Under a steady flow all that a route has waiting is mostly in somebody's hands: to see that here costs a tenth
# of the claim that would find nothing.
_WAITING = Lookup(
    "waiting_routes",
    """
WITH RECURSIVE waiting (route, oldest) AS (
    (SELECT route, due_at FROM lead_state WHERE due_at IS NOT NULL ORDER BY route, due_at LIMIT 1)
    UNION ALL
    SELECT next.* FROM waiting CROSS JOIN LATERAL (
        SELECT route, due_at FROM lead_state
        WHERE due_at IS NOT NULL AND route > waiting.route ORDER BY route, due_at LIMIT 1
    ) AS next
)
SELECT route, oldest, EXISTS (
    SELECT FROM lead_state AS s WHERE s.route = waiting.route AND due_at BETWEEN waiting.oldest AND now()
                                  AND (leased_until IS NULL OR leased_until <= now())
) FROM waiting
UNION ALL
SELECT NULL, now(), false
""",
)

_STILL_WAITING = Lookup(
    "still_waiting",
    """
SELECT known.route, next.due_at, EXISTS (
    SELECT FROM lead_state AS s WHERE s.route = known.route COLLATE "C" AND due_at BETWEEN next.due_at AND now()
                                  AND (leased_until IS NULL OR leased_until <= now())
)
FROM unnest(%(routes)s::text[], %(since)s::timestamptz[]) AS known (route, since) CROSS JOIN LATERAL (
    SELECT due_at FROM lead_state
    WHERE route = known.route COLLATE "C" AND due_at >= known.since ORDER BY due_at LIMIT 1
) AS next
UNION ALL
SELECT NULL, now(), false
""",
)
