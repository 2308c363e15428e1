"""A circuit breaker per route, shared by all workers: a customer that is down is left alone, but for a probe.

While a route's breaker is open, `claims.claim` gives out nothing of it but probes: one lead at a time, after a pause.
A probe is an ordinary attempt, counted like any other. All other leads keep their places and use up no retries. The
breaker closes with the first probe that the customer answers.

Workers count attempts and tell their counts here (`breaker_tally`), for routes with failures only: routes that are well
cost nothing. What opened and when is kept (`breaker_opening`), since it explains why leads waited.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadgateway.route.snapshot import RouteKey
from leadgateway.store import arrays
from leadgateway.store.connection import Connection
from leadgateway.store.execute import INDEX_LOOKUPS, records, retrying, rows

WINDOW = timedelta(minutes=1)
"""The time over which attempts are counted."""

LEAST_ATTEMPTS = 20
LEAST_LEADS = 10
"""So that one lead's own retries never open a breaker."""
FAILED_PERCENT = 90

FIRST_PAUSE = timedelta(seconds=5)
"""Between the opening and the first probe. Doubles with each probe, up to the longest."""
LONGEST_PAUSE = timedelta(seconds=30)
"""How long the return of a customer may go unnoticed, or a little longer should the probe fail for its own reasons."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Attempts on a route within some time.

    Attributes:
        route: The route.
        attempts: Those that came to an end.
        failures: Those of them that are repeated, or would be had the lead any retries left: the customer is not there.
        leads: How many different leads they were for; counted up to LEAST_LEADS at least.
    """

    route: RouteKey
    attempts: int
    failures: int
    leads: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What one worker saw of a route since it last told.

    Attributes:
        route: The route.
        attempts: As in `Tally`.
        failures: As in `Tally`.
        leads: The leads, or LEAST_LEADS of them.
    """

    route: RouteKey
    attempts: int
    failures: int
    leads: frozenset[int]


@dataclass(frozen=True, slots=True)
class Probe:
    """A lead that was given out although its route's breaker is open.

    Attributes:
        lead_id: The lead.
        token: Of its lease.
    """

    lead_id: int
    token: int


@dataclass(frozen=True, slots=True)
class Opening:
    """A time during which a route's breaker was open, or is.

    Attributes:
        route: The route.
        opened_at: Since when.
        closed_at: Until when; None: it is open.
        probe_at: While it is open: when the next lead is tried, at the earliest.
        probes: How many were tried.
        attempts: Within the minute before it opened.
        failures: Of those attempts.
        leads: Different leads of those attempts.
    """

    route: RouteKey
    opened_at: datetime
    closed_at: datetime | None
    probe_at: datetime
    probes: int
    attempts: int
    failures: int
    leads: int


@dataclass(frozen=True, slots=True)
class OpenBreaker:
    """A breaker that is open now.

    Attributes:
        opening: Since when and why.
        probe_in: How long until the next lead is tried, by the database's clock; not negative.
        probing: A lead is being tried.
    """

    opening: Opening
    probe_in: timedelta
    probing: bool


def opens(tally: Tally) -> bool:
    """Decide whether what was seen within WINDOW opens the route's breaker: at least 90 % of 20 attempts for 10 leads.

    Args:
        tally: The attempts of all workers together.
    """
    return (
        tally.attempts >= LEAST_ATTEMPTS
        and tally.leads >= LEAST_LEADS
        and tally.failures * 100 >= tally.attempts * FAILED_PERCENT
    )


def count(connection: Connection, counts: Sequence[Counted], *, worker: str) -> None:
    """Add to what is known of the last minute, and forget what is older.

    Args:
        connection: In autocommit.
        counts: Each route once.
        worker: Who counted, unique among the processes.
    """
    if not counts:
        return
    parameters = {
        "worker": worker,
        "routes": arrays.text_array(seen.route for seen in counts),
        "attempts": arrays.number_array(seen.attempts for seen in counts),
        "failures": arrays.number_array(seen.failures for seen in counts),
        "leads": arrays.text_array(arrays.number_array(sorted(seen.leads)) for seen in counts),
        "window": WINDOW,
    }
    retrying(lambda: rows(connection, _COUNT, parameters))


def tallies(connection: Connection) -> list[Tally]:
    """What all workers saw within the last minute, of routes with failures whose breakers are closed."""
    return [Tally(*row) for row in rows(connection, _TALLIES, {"window": WINDOW})]


def open_breaker(connection: Connection, tally: Tally, *, worker: str) -> bool:
    """Open a route's breaker.

    Args:
        connection: In autocommit.
        tally: Why.
        worker: Who does it.

    Returns:
        False if it was open already: another worker was quicker.
    """
    parameters = {
        "route": tally.route,
        "attempts": tally.attempts,
        "failures": tally.failures,
        "leads": tally.leads,
        "worker": worker,
        "pause": FIRST_PAUSE,
    }
    return bool(retrying(lambda: rows(connection, _OPEN, parameters)))


def close_breakers(connection: Connection, answered: Iterable[Probe], *, worker: str) -> list[RouteKey]:
    """Close the breakers whose last probe was answered by the customer.

    Args:
        connection: In autocommit.
        answered: These probes.
        worker: Who does it.

    Returns:
        Their routes. A probe that was not the last one any more closes nothing.
    """
    parameters = _probes(answered) | {"worker": worker}
    return [route for (route,) in retrying(lambda: rows(connection, INDEX_LOOKUPS + _CLOSE, parameters))]


def probe_another(connection: Connection, unsent: Iterable[Probe]) -> None:
    """Let another lead be tried at once, because these turned out not to be for the customer: rejected by a rule, say.

    Args:
        connection: In autocommit.
        unsent: Probes that were not sent.
    """
    retrying(lambda: rows(connection, INDEX_LOOKUPS + _PROBE_ANOTHER, _probes(unsent)))


def open_breakers(connection: Connection) -> list[OpenBreaker]:
    """The breakers that are open; cheap."""
    found = records(connection, INDEX_LOOKUPS + _OPEN_NOW, {})
    return [
        OpenBreaker(probe_in=record.pop("probe_in"), probing=record.pop("probing"), opening=Opening(**record))
        for record in found
    ]


def remove_openings(connection: Connection, *, older_than: timedelta, limit: int = 1000) -> int:
    """Remove openings that ended long enough ago, the oldest first; one that is open stays. Several may run at once.

    Args:
        connection: In autocommit.
        older_than: How long ago they must have ended; a day at the least.
        limit: How many at the most. Call it again while it returns as many.

    Returns:
        How many were removed.

    Raises:
        RowRefused: `older_than` or `limit` are outside of what the database allows.
    """
    parameters = {"older_than": older_than, "limit": limit}
    return int(rows(connection, "SELECT remove_openings(%(older_than)s, %(limit)s)", parameters)[0][0])


def _probes(probes: Iterable[Probe]) -> dict[str, str]:
    given = list(probes)
    return {
        "lead_ids": arrays.number_array(probe.lead_id for probe in given),
        "tokens": arrays.number_array(probe.token for probe in given),
    }


_COUNT = """
DELETE FROM breaker_tally WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM breaker_tally WHERE at <= now() - %(window)s FOR UPDATE SKIP LOCKED
));
INSERT INTO breaker_tally (at, worker, route, attempts, failures, leads)
SELECT clock_timestamp(), %(worker)s, route, attempts, failures, leads::bigint[]
FROM unnest(%(routes)s::text[], %(attempts)s::int[], %(failures)s::int[], %(leads)s::text[])
     AS c (route, attempts, failures, leads)
"""

_TALLIES = """
WITH recent AS MATERIALIZED (
    SELECT route, attempts, failures, leads FROM breaker_tally AS t
    WHERE at > now() - %(window)s
      AND NOT EXISTS (SELECT FROM breaker_opening AS o WHERE o.route = t.route AND o.closed_at IS NULL)
)
SELECT route, sum(attempts)::bigint, sum(failures)::bigint,
       (SELECT count(DISTINCT lead) FROM recent AS r, unnest(r.leads) AS lead WHERE r.route = recent.route)
FROM recent GROUP BY route
"""

_OPEN = """
INSERT INTO breaker_opening (route, opened_at, probe_at, attempts, failures, leads, opened_by)
VALUES (%(route)s, now(), now() + %(pause)s, %(attempts)s, %(failures)s, %(leads)s, %(worker)s)
ON CONFLICT (route) WHERE closed_at IS NULL DO NOTHING
RETURNING opening_id
"""

# What was counted before belongs to the time before: it takes as many new failures to open it again.
_CLOSE = """
WITH closed AS (
    UPDATE breaker_opening AS o SET closed_at = greatest(clock_timestamp(), opened_at), closed_by = %(worker)s
    FROM unnest(%(lead_ids)s::bigint[], %(tokens)s::bigint[]) AS p (lead_id, token)
    WHERE o.closed_at IS NULL AND o.probe_lead_id = p.lead_id AND o.probe_token = p.token
    RETURNING o.route
), forgotten AS (
    DELETE FROM breaker_tally WHERE route IN (SELECT route FROM closed)
)
SELECT route FROM closed
"""

_PROBE_ANOTHER = """
UPDATE breaker_opening AS o SET probe_at = now(), probe_lead_id = NULL, probe_token = NULL, probes = probes - 1
FROM unnest(%(lead_ids)s::bigint[], %(tokens)s::bigint[]) AS p (lead_id, token)
WHERE o.closed_at IS NULL AND o.probe_lead_id = p.lead_id AND o.probe_token = p.token
"""

_OPEN_NOW = """
SELECT route, opened_at, closed_at, probe_at, probes, attempts, failures, leads,
       greatest(probe_at - now(), interval '0') AS probe_in,
       EXISTS (
           SELECT FROM lead_state AS s
           WHERE s.lead_id = probe_lead_id AND s.lease_token = probe_token AND s.leased_until > now()
       ) AS probing
FROM breaker_opening WHERE closed_at IS NULL ORDER BY route
"""
