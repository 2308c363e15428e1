"""Delivery rounds: what is sent is written down, under its own Idempotency-Key, before it is sent.

Every attempt of a round sends exactly the same; only a replay or a move begins another round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from leadgateway.store import arrays
from leadgateway.store.connection import Connection
from leadgateway.store.execute import Lookup, lookup, retrying


@dataclass(frozen=True, slots=True)
class Ready:
    """A claimed lead that is about to be sent.

    Attributes:
        lead_id: The lead.
        token: Of the lease under which it was claimed.
        lease: How long the lease runs from now on; outlasts the whole exchange and the writing of its result.
        config_hash: Version of the route that mapped it, or that now sends it again.
        payload: What a lead that was RECEIVED was mapped to. None: it has its payload from before.
        idempotency_key: A new one if and only if there is a payload.
        omitted: Optional targets that were left out of the payload, and why.
    """

    lead_id: int
    token: int
    lease: timedelta
    config_hash: str
    payload: bytes | None = field(default=None, repr=False)
    idempotency_key: UUID | None = None
    omitted: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.payload is None) != (self.idempotency_key is None):
            raise ValueError("a payload and its idempotency key are given together or not at all")


def mark_ready(connection: Connection, ready: Sequence[Ready], *, worker: str) -> dict[int, datetime]:
    """Make leads READY and renew their leases; only those that are returned may be sent.

    A lead that is not returned is no longer this worker's: its lease ran out and another one claimed it, or a person
    acted on it. READY leads stay READY. Committed when this returns.

    Args:
        connection: In autocommit.
        ready: Each lead once.
        worker: Who claimed them.

    Returns:
        By lead: the time, by the database's clock, from which on it may be sent.
    """
    if not ready:
        return {}
    parameters = {
        "worker": worker,
        "lead_ids": arrays.number_array(lead.lead_id for lead in ready),
        "tokens": arrays.number_array(lead.token for lead in ready),
        "leases": arrays.interval_array(lead.lease for lead in ready),
        "config_hashes": arrays.text_array(lead.config_hash for lead in ready),
        "payloads": arrays.hex_array(lead.payload for lead in ready),
        "idempotency_keys": arrays.uuid_array(lead.idempotency_key for lead in ready),
        "omitted": arrays.json_array(lead.omitted or None for lead in ready),
    }
    return dict(retrying(lambda: lookup(connection, _MARK_READY, parameters)))


# `before` is the same row as `s`, read only to know the state it comes from: while the lease is held nobody else
# changes it. A lead that is RECEIVED becomes READY with a payload only.
_MARK_READY = Lookup(
    "mark_ready",
    """
WITH held AS (
    UPDATE lead_state AS s SET
        status = 'READY',
        leased_at = greatest(lead.at, s.updated_at),
        leased_until = lead.at + lead.lease,
        transitions = s.transitions + (before.status <> 'READY')::int,
        updated_at = CASE WHEN before.status = 'READY' THEN s.updated_at ELSE greatest(lead.at, s.updated_at) END
    FROM (
        SELECT *, clock_timestamp() AS at
        FROM unnest(
            %(lead_ids)s::bigint[], %(tokens)s::bigint[], %(leases)s::interval[], %(config_hashes)s::text[],
            %(payloads)s::text[], %(idempotency_keys)s::uuid[], %(omitted)s::text[]
        ) AS l (lead_id, token, lease, config_hash, payload, idempotency_key, omitted)
    ) AS lead
    JOIN lead_state AS before USING (lead_id)
    WHERE s.lead_id = lead.lead_id AND s.lease_token = lead.token AND s.lease_holder = %(worker)s
      AND (s.status <> 'RECEIVED' OR lead.payload IS NOT NULL)
    RETURNING s.lead_id, s.round, s.transitions, s.leased_at, before.status AS from_status,
              lead.config_hash, lead.payload, lead.idempotency_key, lead.omitted
), step AS (
    INSERT INTO status_transition (lead_id, seq, at, from_status, to_status, actor, config_hash)
    SELECT lead_id, transitions, leased_at, from_status, 'READY', 'worker:' || %(worker)s, config_hash
    FROM held WHERE from_status <> 'READY'
), begun AS (
    INSERT INTO delivery_round (lead_id, round, created_at, idempotency_key, config_hash, omitted, payload)
    SELECT lead_id, round, leased_at, idempotency_key, config_hash, omitted::jsonb, decode(payload, 'hex')
    FROM held WHERE payload IS NOT NULL
)
SELECT lead_id, leased_at FROM held
""",
)
