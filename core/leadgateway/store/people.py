"""What people do to leads: replay, reject, move to another route. Each is recorded with who did it.

All take many leads at once and answer for each. A lead that a worker is on at the moment is left alone, since the
customer may be about to get it; one whose worker is gone is taken from it, and its worker can no longer write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from leadgateway.json import JsonValue
from leadgateway.route.snapshot import RouteKey
from leadgateway.store import arrays
from leadgateway.store.claims import LAPSE
from leadgateway.store.connection import Connection
from leadgateway.store.execute import INDEX_LOOKUPS, Row, retrying, rows
from leadgateway.store.status import LEGAL_STEPS, MOVABLE, LeadStatus

REPLAYED = "REPLAYED"
"""The code of the transition with which a person sends a lead through again."""

MOVED = "MOVED"
"""The code of the transition with which a person gives a lead to another route."""


@dataclass(frozen=True, slots=True)
class NotFound:
    """There is no such lead, or it is no longer kept."""

    def __str__(self) -> str:
        return "there is no such lead"


@dataclass(frozen=True, slots=True)
class InFlight:
    """A worker is on it."""

    until: datetime

    def __str__(self) -> str:
        return f"a worker is delivering it; try again in a moment, at the latest at {self.until:%H:%M:%S} UTC"


@dataclass(frozen=True, slots=True)
class WrongStatus:
    """Its status doesn't allow what is asked."""

    status: LeadStatus

    def __str__(self) -> str:
        return f"it is {self.status}, which doesn't allow this"


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """It is on that route."""

    def __str__(self) -> str:
        return "it is on that route already"


@dataclass(frozen=True, slots=True)
class ContentsRemoved:
    """Retention or erasure removed what it would take."""

    def __str__(self) -> str:
        return "its contents were removed, so there is nothing left to send"


Refusal: TypeAlias = NotFound | InFlight | WrongStatus | ContentsRemoved | AlreadyThere


@dataclass(frozen=True, slots=True)
class Acted:
    """What became of a person's wish.

    Attributes:
        done: The leads that it was done to.
        refused: The others, and why.
    """

    done: tuple[int, ...]
    refused: Mapping[int, Refusal]


def replay(connection: Connection, lead_ids: Iterable[int], *, person: str, reason: str | None = None) -> Acted:
    """Send leads that came to an end without being delivered through again, by the rules of today.

    Each begins a new delivery round, with an Idempotency-Key of its own, as a customer may remember the old answer.
    A lead that was rejected doesn't get its deduplication key back: somebody else may have it.

    Args:
        connection: In autocommit.
        lead_ids: Leads that are REJECTED or PERMANENTLY_FAILED, and still have their contents.
        person: Who does it.
        reason: Why, for the audit.
    """
    wish = {"to_status": LeadStatus.RECEIVED, "code": REPLAYED, "route": None, "reject_code": None}
    allowed = _before(LeadStatus.RECEIVED)
    return _act(connection, lead_ids, wish, allowed=allowed, person=person, detail={"reason": reason})


def reject(
    connection: Connection, lead_ids: Iterable[int], *, code: str, person: str, reason: str | None = None
) -> Acted:
    """Turn leads down that wait. Their deduplication keys are free again.

    Args:
        connection: In autocommit.
        lead_ids: Leads that are RECEIVED, READY or FAILED.
        code: The reject code, as rules have one.
        person: Who does it.
        reason: Why, for the audit.
    """
    wish = {"to_status": LeadStatus.REJECTED, "code": code, "route": None, "reject_code": code}
    allowed = _before(LeadStatus.REJECTED)
    return _act(connection, lead_ids, wish, allowed=allowed, person=person, detail={"reason": reason})


def move(
    connection: Connection, lead_ids: Iterable[int], *, route: RouteKey, person: str, reason: str | None = None
) -> Acted:
    """Give leads to another route, say because theirs was deleted. There they are RECEIVED, to be judged and mapped.

    Args:
        connection: In autocommit.
        lead_ids: Leads that aren't DELIVERED.
        route: Where they go; whether there is such a route is for the caller to know.
        person: Who does it.
        reason: Why, for the audit.
    """
    wish = {"to_status": LeadStatus.RECEIVED, "code": MOVED, "route": route, "reject_code": None}
    detail: dict[str, JsonValue] = {"reason": reason, "to_route": route}
    return _act(connection, lead_ids, wish, allowed=MOVABLE, person=person, detail=detail)


def _before(status: LeadStatus) -> frozenset[LeadStatus]:
    return frozenset(before for before, after in LEGAL_STEPS.items() if status in after)


def _act(
    connection: Connection,
    lead_ids: Iterable[int],
    wish: Mapping[str, str | None],
    *,
    allowed: Iterable[LeadStatus],
    person: str,
    detail: Mapping[str, JsonValue],
) -> Acted:
    parameters = {
        **wish,
        "lead_ids": arrays.number_array(sorted(set(lead_ids))),
        "allowed": arrays.text_array(allowed),
        "actor": f"person:{arrays.storable(person)}",
        "detail": arrays.storable_json({key: value for key, value in detail.items() if value is not None}),
        "lapse": LAPSE,
    }
    found = retrying(lambda: rows(connection, INDEX_LOOKUPS + _ACT, parameters))
    refused = {row[0]: _refusal(row) for row in found if not row[1]}
    return Acted(tuple(row[0] for row in found if row[1]), refused)


def _refusal(row: Row) -> Refusal:
    _, _, status, allowed, on_its_way_until, is_empty = row
    if status is None:
        return NotFound()
    if on_its_way_until is not None:
        return InFlight(on_its_way_until)
    if not allowed:
        return WrongStatus(LeadStatus(status))
    return ContentsRemoved() if is_empty else AlreadyThere()


# `before` locks the leads, in the order of their ids, so what it decides still holds when they are changed.
_ACT = """
WITH asked AS (
    SELECT lead_id FROM unnest(%(lead_ids)s::bigint[]) AS a (lead_id)
), before AS MATERIALIZED (
    SELECT s.lead_id, s.status, s.route, s.round, s.attempts, s.leased_at, s.leased_until, s.lease_holder,
           s.lease_token, s.status = ANY (%(allowed)s::lead_status[]) AS allowed,
           CASE WHEN s.leased_until > now() THEN s.leased_until END AS on_its_way_until,
           s.contents_removed_at IS NOT NULL AS is_empty
    FROM asked JOIN lead_state AS s USING (lead_id)
    ORDER BY s.lead_id FOR UPDATE OF s
), changed AS (
    UPDATE lead_state AS s SET
        status = %(to_status)s,
        route = coalesce(%(route)s, s.route),
        reject_code = %(reject_code)s,
        due_at = CASE WHEN %(to_status)s = 'RECEIVED' THEN now() END,
        ended_at = CASE WHEN %(to_status)s = 'REJECTED' THEN greatest(clock_timestamp(), s.updated_at) END,
        round = s.round + (%(to_status)s = 'RECEIVED' AND s.status <> 'RECEIVED')::int,
        failures = CASE WHEN %(to_status)s = 'RECEIVED' THEN 0 ELSE s.failures END,
        expired = 0,
        attempts = s.attempts + (s.leased_until IS NOT NULL)::int,
        transitions = s.transitions + 1,
        updated_at = greatest(clock_timestamp(), s.updated_at),
        lease_token = s.lease_token + 1,
        leased_at = NULL,
        leased_until = NULL,
        lease_holder = NULL
    FROM before
    WHERE s.lead_id = before.lead_id AND before.allowed AND before.on_its_way_until IS NULL
      AND NOT before.is_empty AND before.route IS DISTINCT FROM %(route)s
    RETURNING s.lead_id, s.transitions, s.updated_at, s.status, before.status AS from_status, before.route AS from_route
), lapsed AS (
    INSERT INTO delivery_attempt (lead_id, number, round, started_at, duration_ms, kind, error, worker, lease_token)
    SELECT lead_id, before.attempts + 1, before.round, before.leased_at,
           extract(epoch FROM before.leased_until - before.leased_at) * 1000,
           'lease_expired', %(lapse)s, before.lease_holder, before.lease_token
    FROM changed JOIN before USING (lead_id) WHERE before.leased_until IS NOT NULL
), stepped AS (
    INSERT INTO status_transition (lead_id, seq, at, from_status, to_status, actor, code, detail)
    SELECT lead_id, transitions, updated_at, from_status, status, %(actor)s, %(code)s,
           CASE WHEN %(route)s IS NULL THEN %(detail)s::jsonb
                ELSE %(detail)s::jsonb || jsonb_build_object('from_route', from_route) END
    FROM changed
), freed AS (
    DELETE FROM lead_key AS k USING changed JOIN inbound_lead AS l USING (lead_id)
    WHERE changed.status = 'REJECTED'
      AND k.route = l.route AND k.kind = 'D' AND k.digest = l.dedup_key AND k.lead_id = l.lead_id
), found_there AS (
    INSERT INTO lead_search (lead_id, received_at, route)
    SELECT lead_id, l.received_at, %(route)s FROM changed JOIN inbound_lead AS l USING (lead_id)
    WHERE %(route)s IS NOT NULL
    ON CONFLICT (lead_id) DO UPDATE SET route = excluded.route
)
SELECT lead_id, changed.lead_id IS NOT NULL, before.status, before.allowed, before.on_its_way_until, before.is_empty
FROM asked LEFT JOIN before USING (lead_id) LEFT JOIN changed USING (lead_id)
ORDER BY lead_id
"""
