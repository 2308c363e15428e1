"""A lead's whole story, for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from leadgateway.json import JsonValue
from leadgateway.route.snapshot import RouteKey
from leadgateway.store.breaker import Opening
from leadgateway.store.connection import Connection
from leadgateway.store.execute import INDEX_LOOKUPS, records, rows, undone_on_error
from leadgateway.store.status import LeadStatus


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state; `from_status` is None for the first."""

    seq: int
    at: datetime
    from_status: LeadStatus | None
    to_status: LeadStatus
    actor: str
    config_hash: str | None
    code: str | None
    detail: Mapping[str, JsonValue] | None


@dataclass(frozen=True, slots=True)
class DeliveryRound:
    """What is sent, under one Idempotency-Key."""

    round: int
    created_at: datetime
    idempotency_key: UUID
    config_hash: str
    omitted: Mapping[str, str]
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """A try to deliver. `request_body` is the payload of its round; None if it never came to one."""

    number: int
    round: int
    started_at: datetime
    duration_ms: int
    kind: str
    response_status: int | None
    response_headers: Mapping[str, str] | None = field(repr=False)
    error: str | None
    config_hash: str | None
    worker: str
    response_body: bytes | None = field(repr=False)
    request_body: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same lead arriving again."""

    received_at: datetime
    correlation_id: UUID
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LeadStory:
    """All that is known about a lead.

    Attributes:
        lead_id: The lead.
        correlation_id: From intake.
        route: Whose customer gets it.
        arrived_at_route: Where it was posted; another one if a person moved it.
        config_hash: Version of the route that accepted it.
        received_at: When it was accepted.
        status: Where it stands.
        reject_code: Why it is REJECTED; None if it isn't.
        due_at: When a worker looks at it next; None at an end.
        leased_until: A worker is on it, until then at the longest; None: nobody is.
        lease_holder: That worker.
        round: Its delivery round.
        failures: Failed attempts of this round.
        contents_removed_at: When its contents were removed; None: they are all there.
        contents_removed_by: `retention` or `erasure`.
        headers: As sent, without authentication; none once removed.
        body: Byte for byte as posted; empty once removed.
        transitions: Its changes of state, in order.
        rounds: What was or is to be sent.
        attempts: The tries to send it, in order.
        repeats: What was answered as a duplicate of it.
        openings: The times while it waited during which its route's circuit breaker was open; the last twenty.
    """

    lead_id: int
    correlation_id: UUID
    route: RouteKey
    arrived_at_route: RouteKey
    config_hash: str
    received_at: datetime
    status: LeadStatus
    reject_code: str | None
    due_at: datetime | None
    leased_until: datetime | None
    lease_holder: str | None
    round: int
    failures: int
    contents_removed_at: datetime | None
    contents_removed_by: str | None
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    transitions: tuple[Transition, ...]
    rounds: tuple[DeliveryRound, ...]
    attempts: tuple[DeliveryAttempt, ...]
    repeats: tuple[Repeat, ...]
    openings: tuple[Opening, ...]


def lead_story(connection: Connection, lead_id: int) -> LeadStory | None:
    """Read a lead with everything that happened to it, all as of one moment; None if there is no such lead.

    Args:
        connection: In autocommit, not inside a transaction.
        lead_id: The lead.
    """
    lead = {"lead_id": lead_id}
    with undone_on_error(connection):
        found = records(connection, f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;{INDEX_LOOKUPS}{_LEAD}", lead)
        transitions = records(connection, _TRANSITIONS, lead)
        rounds = [DeliveryRound(**record) for record in records(connection, _ROUNDS, lead)]
        attempts = records(connection, _ATTEMPTS, lead)
        repeats = [Repeat(**record) for record in records(connection, _REPEATS, lead)]
        openings = [Opening(**record) for record in records(connection, _OPENINGS, lead)]
        rows(connection, "COMMIT")
    if not found:
        return None
    payloads = {delivery_round.round: delivery_round.payload for delivery_round in rounds}
    return LeadStory(
        **found[0] | {"status": LeadStatus(found[0]["status"])},
        transitions=tuple(map(_transition, transitions)),
        rounds=tuple(rounds),
        attempts=tuple(DeliveryAttempt(**record, request_body=payloads.get(record["round"])) for record in attempts),
        repeats=tuple(repeats),
        openings=tuple(openings),
    )


def leads_with_correlation_id(connection: Connection, correlation_id: UUID) -> list[int]:
    """The ids of the leads with this correlation id, which need not be unique, in the order of their arrival."""
    found = rows(connection, INDEX_LOOKUPS + _BY_CORRELATION_ID, {"correlation_id": correlation_id.hex})
    return [lead_id for (lead_id,) in found]


def _transition(record: Mapping[str, Any]) -> Transition:
    before, after = record["from_status"], record["to_status"]
    statuses = {"from_status": before and LeadStatus(before), "to_status": LeadStatus(after)}
    return Transition(**{**record, **statuses})


_LEAD = """
SELECT s.lead_id, l.correlation_id, s.route, l.route AS arrived_at_route, l.config_hash, l.received_at, s.status,
       s.reject_code, s.due_at, s.leased_until, s.lease_holder, s.round, s.failures, s.contents_removed_at,
       s.contents_removed_by, l.headers, l.body
FROM lead_state s JOIN inbound_lead l USING (lead_id) WHERE s.lead_id = %(lead_id)s
"""

_TRANSITIONS = """
SELECT seq, at, from_status, to_status, actor, config_hash, code, detail
FROM status_transition WHERE lead_id = %(lead_id)s ORDER BY seq
"""

_ROUNDS = """
SELECT round, created_at, idempotency_key, config_hash, coalesce(omitted, '{}') AS omitted, payload
FROM delivery_round WHERE lead_id = %(lead_id)s ORDER BY round
"""

_ATTEMPTS = """
SELECT number, round, started_at, duration_ms, kind, response_status, response_headers, error, config_hash, worker,
       response_body
FROM delivery_attempt WHERE lead_id = %(lead_id)s ORDER BY number
"""

_REPEATS = """
SELECT received_at, correlation_id, headers, body
FROM duplicate_lead WHERE lead_id = %(lead_id)s ORDER BY duplicate_id
"""

_OPENINGS = """
SELECT * FROM (
    SELECT o.route, o.opened_at, o.closed_at, o.probe_at, o.probes, o.attempts, o.failures, o.leads
    FROM lead_state AS s JOIN inbound_lead AS l USING (lead_id) JOIN breaker_opening AS o ON o.route = s.route
    WHERE s.lead_id = %(lead_id)s AND coalesce(o.closed_at, 'infinity') >= l.received_at
      AND (s.due_at IS NOT NULL OR o.opened_at <= s.updated_at)
    ORDER BY o.opened_at DESC LIMIT 20
) AS latest ORDER BY opened_at
"""

_BY_CORRELATION_ID = """
SELECT lead_id FROM inbound_lead WHERE correlation_id = %(correlation_id)s ORDER BY lead_id
"""
