"""Which leads are due, and who works on them: leases with fencing tokens.

A lease says that one worker looks after a lead until a certain time. A worker that dies leaves leases behind, which run
out; the next claim then gives the lead to another worker, with the next token, and records the lost lease as an attempt
`lease_expired`, since nobody can say whether the customer got the lead. Whatever the first worker still wants to write
is refused, because its token is no longer the lead's (see `rounds` and `outcomes`).

Of a route whose circuit breaker is open (see `breaker`) one lead is leased when a probe is due, and none otherwise.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from leadgateway.route.snapshot import RouteKey
from leadgateway.store import arrays
from leadgateway.store.breaker import FIRST_PAUSE, LONGEST_PAUSE
from leadgateway.store.connection import Connection
from leadgateway.store.execute import Lookup, Row, lookup, retrying
from leadgateway.store.outcomes import PermanentlyFailed, finish
from leadgateway.store.status import LeadStatus

POISONED_AFTER = 5
"""Leases that run out in a row until a lead is given up: whatever it does to workers, it does no longer."""

POISONED = "POISONED"
"""The code of the transition to PERMANENTLY_FAILED then."""

LAPSE = "the worker did not report back before its lease ran out; the customer may or may not have got the lead"
"""The error of an attempt of kind `lease_expired`."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A lead that is due, leased to the worker that asked.

    Attributes:
        lead_id: The lead.
        token: Of the lease; goes with whatever is written about the lead.
        route: Whose customer gets it.
        status: RECEIVED: to be judged and mapped; FAILED or READY: `payload` is to be sent (again).
        correlation_id: From intake.
        body: As posted.
        round: Delivery round, from 1; each replay begins another.
        failures: Failed attempts of this round.
        expired: Leases that ran out in a row, up to now.
        payload: What this round sends; None while it is RECEIVED.
        idempotency_key: Of this round; None while it is RECEIVED.
        received_at: When it was accepted, by the database's clock.
        poisoned: Not to be worked on: its fifth lease in a row ran out, and it has just become PERMANENTLY_FAILED.
            Returned once, to be told.
        probe: The breaker of its route is open: what becomes of it decides whether it closes.
        waited: How long ago it was accepted when it was claimed, by the database's clock.
        claimed_at: When this process had it, by its monotonic clock.
    """

    lead_id: int
    token: int
    route: RouteKey
    status: LeadStatus
    correlation_id: UUID
    body: bytes = field(repr=False)
    round: int
    failures: int
    expired: int
    payload: bytes | None = field(repr=False)
    idempotency_key: UUID | None
    received_at: datetime
    poisoned: bool
    probe: bool
    waited: timedelta
    claimed_at: float = field(default_factory=monotonic)

    def age_seconds(self) -> float:
        """How long ago it was accepted: the time that passed here is added to what the database said."""
        return self.waited.total_seconds() + monotonic() - self.claimed_at


def claim(
    connection: Connection,
    *,
    slots: Mapping[RouteKey, int],
    lease: Mapping[RouteKey, timedelta],
    worker: str,
    limit: int = 1000,
    since: Mapping[RouteKey, datetime] | None = None,
) -> list[Claim]:
    """Lease leads that are due; no two claims ever get the same one.

    Of each route the longest due come first. Routes are served in turn, beginning with any of them, so that none
    starves another when there are more leads than `limit`.

    Args:
        connection: In autocommit: one statement, one round trip, committed before anybody works on the leads.
        slots: How many leads of each route to take at the most; routes that are not named, or with none, keep theirs.
        lease: How long each of these routes' leads may take until they are marked ready, which renews the lease.
        worker: Who takes them, unique among the processes.
        limit: How many to take in all.
        since: By route: leads that were due before are not looked at. What `waiting_routes` found, so that what has
            ended since is not stepped over again; routes without: from the beginning.
    """
    wanted = _in_turn([route for route, count in slots.items() if count > 0])
    if not wanted or limit < 1:
        return []
    begin = since or {}
    parameters = {
        "routes": arrays.text_array(wanted),
        "slots": arrays.number_array(slots[route] for route in wanted),
        "leases": arrays.interval_array(lease[route] for route in wanted),
        "since": arrays.time_array(begin.get(route) for route in wanted),
        "worker": worker,
        "limit": limit,
        "poisoned_after": POISONED_AFTER,
        "lapse": LAPSE,
        "first_pause": FIRST_PAUSE.total_seconds(),
        "longest_pause": LONGEST_PAUSE.total_seconds(),
    }
    claims = [_claim(row) for row in retrying(lambda: lookup(connection, _CLAIM, parameters))]
    _give_up(connection, [lead for lead in claims if lead.poisoned], worker)
    return claims


def _in_turn(routes: Sequence[RouteKey]) -> Sequence[RouteKey]:
    first = secrets.randbelow(len(routes)) if routes else 0
    return [*routes[first:], *routes[:first]]


def _give_up(connection: Connection, poisoned: Sequence[Claim], worker: str) -> None:
    # Not in the statement above: should this process die in between, the next lease that runs out brings it here again
    outcomes = [
        PermanentlyFailed(lead.lead_id, lead.token, None, None, POISONED, {"leases_expired": lead.expired})
        for lead in poisoned
    ]
    finish(connection, outcomes, worker=worker)


def _claim(row: Row) -> Claim:
    lead_id, token, route, status, correlation_id, body, number, failures, expired, payload, *rest = row
    sent = None if payload is None else bytes(payload)
    return Claim(
        lead_id, token, route, LeadStatus(status), correlation_id, bytes(body), number, failures, expired, sent, *rest
    )


# For each route the index gives the longest due first; leads that are leased are passed over, and they are few. It is
# read only until `taken` is full. So what a claim costs grows with what it returns, not with the leads that wait.
# The update touches no indexed column, see `tables`. `OFFSET 0` leaves the planner no join: a plan that is made while
# there are no rounds, and kept, would read all of those that came since.
#
# `probes` are the open breakers that let a lead through now. They are locked until the end of the statement, so that no
# other worker sees them, and are due again after a pause, or when the lease of the lead that was let through is over.
_CLAIM = Lookup(
    "claim",
    """
WITH probes AS MATERIALIZED (
    SELECT opening_id, route FROM breaker_opening
    WHERE closed_at IS NULL AND probe_at <= now() AND route = ANY (%(routes)s::text[])
      AND NOT EXISTS (
          SELECT FROM lead_state AS s
          WHERE s.lead_id = probe_lead_id AND s.lease_token = probe_token AND s.leased_until > now()
      )
    FOR UPDATE SKIP LOCKED
), wanted AS (
    SELECT w.route, w.lease, w.since, probes.opening_id,
           CASE WHEN probes.route IS NULL THEN w.slots ELSE 1 END AS slots
    FROM unnest(%(routes)s::text[], %(slots)s::int[], %(leases)s::interval[], %(since)s::timestamptz[])
         WITH ORDINALITY AS w (route, slots, lease, since, turn)
    LEFT JOIN probes ON probes.route = w.route COLLATE "C"
    WHERE probes.route IS NOT NULL
       OR NOT EXISTS (SELECT FROM breaker_opening AS o WHERE o.route = w.route COLLATE "C" AND o.closed_at IS NULL)
    ORDER BY turn
), taken AS MATERIALIZED (
    SELECT due.*, wanted.lease, wanted.opening_id
    FROM wanted CROSS JOIN LATERAL (
        SELECT lead_id, due_at, lease_token, leased_at, leased_until, lease_holder, round, attempts
        FROM lead_state
        WHERE route = wanted.route COLLATE "C" AND due_at BETWEEN coalesce(wanted.since, '-infinity') AND now()
          AND (leased_until IS NULL OR leased_until <= now())
        ORDER BY due_at LIMIT wanted.slots
        FOR UPDATE SKIP LOCKED
    ) AS due
    LIMIT %(limit)s
), claimed AS (
    UPDATE lead_state AS s SET
        lease_token = s.lease_token + 1,
        leased_at = now(),
        leased_until = now() + taken.lease,
        lease_holder = %(worker)s,
        expired = s.expired + (s.leased_until IS NOT NULL)::int,
        attempts = s.attempts + (s.leased_until IS NOT NULL)::int
    FROM taken WHERE s.lead_id = taken.lead_id
    RETURNING s.lead_id, s.lease_token, s.route, s.status, s.round, s.failures, s.expired, s.due_at, taken.opening_id
), probed AS (
    UPDATE breaker_opening AS o SET
        probe_lead_id = taken.lead_id,
        probe_token = taken.lease_token + 1,
        probes = o.probes + 1,
        probe_at = now() + make_interval(
            secs => least(%(first_pause)s * power(2, least(o.probes + 1, 16)), %(longest_pause)s)
        )
    FROM taken WHERE o.opening_id = taken.opening_id
), lapsed AS (
    INSERT INTO delivery_attempt (lead_id, number, round, started_at, duration_ms, kind, error, worker, lease_token)
    SELECT lead_id, attempts + 1, round, leased_at, extract(epoch FROM leased_until - leased_at) * 1000,
           'lease_expired', %(lapse)s, lease_holder, lease_token
    FROM taken WHERE leased_until IS NOT NULL
)
SELECT claimed.lead_id, claimed.lease_token, claimed.route, claimed.status, inbound_lead.correlation_id,
       inbound_lead.body, claimed.round, claimed.failures, claimed.expired, delivery_round.payload,
       delivery_round.idempotency_key, inbound_lead.received_at, claimed.expired >= %(poisoned_after)s,
       claimed.opening_id IS NOT NULL, now() - inbound_lead.received_at
FROM claimed
JOIN inbound_lead USING (lead_id)
LEFT JOIN LATERAL (
    SELECT payload, idempotency_key FROM delivery_round AS d
    WHERE d.lead_id = claimed.lead_id AND d.round = claimed.round OFFSET 0
) AS delivery_round ON claimed.status <> 'RECEIVED'
ORDER BY claimed.due_at, claimed.lead_id
""",
)
