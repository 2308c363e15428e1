"""Which leads are due, and who works on them: leases with fencing tokens.

A lease says that one worker looks after a lead until a certain time. A worker that dies leaves leases behind, which run
out; the next claim then gives the lead to another worker, with the next token, and records the lost lease as an attempt
`lease_expired`, since nobody can say whether the customer got the lead. Whatever the first worker still wants to write
is refused, because its token is no longer the lead's (see `rounds` and `outcomes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from leadgateway.route.snapshot import RouteKey
from leadgateway.store import arrays
from leadgateway.store.execute import Row, retrying, rows
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
        poisoned: Not leased after all: the fifth lease in a row ran out, and the lead has just become
            PERMANENTLY_FAILED. Returned once, to be told.
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


def claim(
    connection: Connection,
    *,
    slots: Mapping[RouteKey, int],
    lease: Mapping[RouteKey, timedelta],
    worker: str,
    limit: int = 1000,
) -> list[Claim]:
    """Lease leads that are due, the longest due first; no two claims ever get the same one.

    Routes are served in the order of their oldest lead, each at most up to its slots, so none starves another.

    Args:
        connection: In autocommit: one statement, one round trip, committed before anybody works on the leads.
        slots: How many leads of each route to take at the most; routes that are not named, or with none, keep theirs.
        lease: How long each of these routes' leads may take until they are marked ready, which renews the lease.
        worker: Who takes them, unique among the processes.
        limit: How many to take in all.
    """
    wanted = {route: count for route, count in slots.items() if count > 0}
    if not wanted or limit < 1:
        return []
    parameters = {
        "routes": arrays.text_array(wanted),
        "slots": arrays.number_array(wanted.values()),
        "leases": arrays.interval_array(lease[route] for route in wanted),
        "worker": worker,
        "limit": limit,
        "poisoned_after": POISONED_AFTER,
        "lapse": LAPSE,
    }
    return [_claim(row) for row in retrying(lambda: rows(connection, _CLAIM, parameters))]


def _claim(row: Row) -> Claim:
    lead_id, token, route, status, correlation_id, body, number, failures, expired, payload, *rest = row
    sent = None if payload is None else bytes(payload)
    return Claim(
        lead_id, token, route, LeadStatus(status), correlation_id, bytes(body), number, failures, expired, sent, *rest
    )


# `waiting` jumps through the index from one route to the next (a loose index scan): its cost grows with the routes that
# have leads waiting, not with the leads. For each of them the index gives the longest due first; those that are leased
# are passed over, and they are few. The update touches no indexed column, see `tables`.
_CLAIM = """
WITH RECURSIVE waiting AS (
    (SELECT route, due_at AS oldest FROM lead_state WHERE due_at IS NOT NULL ORDER BY route, due_at LIMIT 1)
    UNION ALL
    SELECT next.route, next.oldest
    FROM waiting CROSS JOIN LATERAL (
        SELECT route, due_at AS oldest FROM lead_state
        WHERE due_at IS NOT NULL AND route > waiting.route ORDER BY route, due_at LIMIT 1
    ) AS next
), wanted AS (
    SELECT waiting.route, w.slots, w.lease
    FROM waiting JOIN unnest(
        %(routes)s::text[], %(slots)s::int[], %(leases)s::interval[]
    ) AS w (route, slots, lease) ON w.route COLLATE "C" = waiting.route
    WHERE waiting.oldest <= now()
    ORDER BY waiting.oldest
), taken AS MATERIALIZED (
    SELECT due.*, wanted.lease
    FROM wanted CROSS JOIN LATERAL (
        SELECT lead_id, due_at, lease_token, leased_at, leased_until, lease_holder, status, round, attempts,
               leased_until IS NOT NULL AS lapsed,
               leased_until IS NOT NULL AND expired + 1 >= %(poisoned_after)s AS poisoned
        FROM lead_state
        WHERE route = wanted.route AND due_at <= now() AND (leased_until IS NULL OR leased_until <= now())
        ORDER BY due_at LIMIT wanted.slots
        FOR UPDATE SKIP LOCKED
    ) AS due
    LIMIT %(limit)s
), claimed AS (
    UPDATE lead_state AS s SET
        lease_token = s.lease_token + 1,
        leased_at = CASE WHEN taken.poisoned THEN NULL ELSE now() END,
        leased_until = CASE WHEN taken.poisoned THEN NULL ELSE now() + taken.lease END,
        lease_holder = CASE WHEN taken.poisoned THEN NULL ELSE %(worker)s END,
        expired = s.expired + taken.lapsed::int,
        attempts = s.attempts + taken.lapsed::int,
        transitions = s.transitions + taken.poisoned::int,
        status = CASE WHEN taken.poisoned THEN 'PERMANENTLY_FAILED' ELSE s.status END,
        due_at = CASE WHEN taken.poisoned THEN NULL ELSE s.due_at END,
        updated_at = CASE WHEN taken.poisoned THEN greatest(clock_timestamp(), s.updated_at) ELSE s.updated_at END
    FROM taken WHERE s.lead_id = taken.lead_id
    RETURNING s.lead_id, s.lease_token, s.route, s.status, s.round, s.failures, s.expired, s.transitions, s.updated_at,
              taken.poisoned, taken.due_at, taken.status AS from_status
), lapsed AS (
    INSERT INTO delivery_attempt (lead_id, number, round, started_at, duration_ms, kind, error, worker, lease_token)
    SELECT lead_id, attempts + 1, round, leased_at, extract(epoch FROM leased_until - leased_at) * 1000,
           'lease_expired', %(lapse)s, lease_holder, lease_token
    FROM taken WHERE lapsed
), ended AS (
    INSERT INTO status_transition (lead_id, seq, at, from_status, to_status, actor, code, detail)
    SELECT lead_id, transitions, updated_at, from_status, status, 'worker:' || %(worker)s, 'POISONED',
           jsonb_build_object('leases_expired', expired)
    FROM claimed WHERE poisoned
)
SELECT claimed.lead_id, claimed.lease_token, claimed.route, claimed.status, inbound_lead.correlation_id,
       inbound_lead.body, claimed.round, claimed.failures, claimed.expired, delivery_round.payload,
       delivery_round.idempotency_key, inbound_lead.received_at, claimed.poisoned
FROM claimed
JOIN inbound_lead USING (lead_id)
LEFT JOIN delivery_round ON delivery_round.lead_id = claimed.lead_id AND delivery_round.round = claimed.round
ORDER BY claimed.due_at, claimed.lead_id
"""
