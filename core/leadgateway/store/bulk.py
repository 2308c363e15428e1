"""Acts on many leads at once: replay, move or reject everything that a filter means.

Which leads are meant is decided once, when the act is begun, and kept as a list of their numbers: what people were told
beforehand is what is done, nothing about a person is kept, and a restart of whoever carries it out loses nothing. A
little is done at a time, in one transaction with the progress, by any worker, and until then it can be called off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from leadgateway.route.snapshot import RouteKey
from leadgateway.store import arrays
from leadgateway.store.connection import Connection
from leadgateway.store.execute import records, retrying, rows, undone_on_error
from leadgateway.store.people import Acted, move, reject, replay
from leadgateway.store.search import LeadFilter, all_matching_ids
from leadgateway.store.search_index import catch_up
from leadgateway.store.status import LEGAL_STEPS, MOVABLE, LeadStatus

MOST_LEADS = 1_000_000
"""Of one act. More are several acts, say by time."""

_SEARCHED_AT_ONCE = 10_000


class BulkKind(StrEnum):
    """What is done."""

    REPLAY = "replay"
    REJECT = "reject"
    MOVE = "move"


class BulkState(StrEnum):
    """How far it is."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class TooMany(ValueError):
    """More leads are meant than one act may have."""

    def __init__(self) -> None:
        super().__init__(
            f"more than {MOST_LEADS} leads are meant: divide them, say by received_from and received_before"
        )


@dataclass(frozen=True, slots=True)
class BulkWish:
    """What is to be done.

    Attributes:
        kind: What.
        reason: Why, for the audit.
        route: To which route, if they are moved.
        code: With which code, if they are rejected.
    """

    kind: BulkKind
    reason: str | None = None
    route: RouteKey | None = None
    code: str | None = None

    def __post_init__(self) -> None:
        if (self.route is not None) != (self.kind is BulkKind.MOVE):
            raise ValueError("a route is given if and only if leads are moved")
        if (self.code is not None) != (self.kind is BulkKind.REJECT):
            raise ValueError("a code is given if and only if leads are rejected")

    @property
    def statuses(self) -> frozenset[LeadStatus]:
        """Where a lead may stand for this to be done to it."""
        if self.kind is BulkKind.MOVE:
            return MOVABLE
        after = LeadStatus.RECEIVED if self.kind is BulkKind.REPLAY else LeadStatus.REJECTED
        return frozenset(before for before, steps in LEGAL_STEPS.items() if after in steps)


@dataclass(frozen=True, slots=True)
class BulkAction:
    """An act on many leads, and how far it is.

    Attributes:
        action_id: Its number.
        kind: What is done.
        state: How far it is.
        actor: Who began it: `person:<name>`.
        reason: Why.
        route: To which route they are moved.
        code: With which code they are rejected.
        created_at: When it was begun.
        finished_at: When it was done or called off; None: it isn't.
        total: How many leads are meant.
        processed: How many have had their turn.
        done: To how many of those it was done.
        refused: To how many it could not be done, since they had changed meanwhile.
        cancelled_by: Who called it off.
    """

    action_id: int
    kind: BulkKind
    state: BulkState
    actor: str
    reason: str | None
    route: RouteKey | None
    code: str | None
    created_at: datetime
    finished_at: datetime | None
    total: int
    processed: int
    done: int
    refused: int
    cancelled_by: str | None


def meant(connection: Connection, leads: LeadFilter, wish: BulkWish) -> list[int]:
    """The numbers of the leads that a filter means and that stand where this can be done to them: a dry run.

    Raises:
        TooMany: More than `MOST_LEADS`.
    """
    statuses = (leads.statuses & wish.statuses) if leads.statuses else wish.statuses
    if not statuses:
        return []
    while not catch_up(connection):
        pass
    found: list[int] = []
    for batch in all_matching_ids(connection, leads.standing(statuses), batch=_SEARCHED_AT_ONCE):
        found += batch
        if len(found) > MOST_LEADS:
            raise TooMany
    return found


def begin(connection: Connection, lead_ids: Sequence[int], wish: BulkWish, *, person: str) -> BulkAction:
    """Begin to do something to many leads; workers carry it out from now on.

    Args:
        connection: In autocommit.
        lead_ids: The leads, as `meant` found them.
        wish: What.
        person: Who does it.
    """
    parameters = {
        "kind": wish.kind,
        "actor": f"person:{arrays.storable(person)}",
        "reason": None if wish.reason is None else arrays.storable(wish.reason),
        "route": wish.route,
        "code": wish.code,
        "lead_ids": arrays.number_array(sorted(lead_ids)),
        "total": len(lead_ids),
    }
    return _action(records(connection, _BEGIN + _RETURNING, parameters)[0])


def bulk_action(connection: Connection, action_id: int) -> BulkAction | None:
    """How far an act is; None if there is none of this number."""
    sql = f"SELECT {_COLUMNS} FROM bulk_action WHERE action_id = %(id)s"  # noqa: S608  # constants only
    found = records(connection, sql, {"id": action_id})
    return _action(found[0]) if found else None


def bulk_actions(connection: Connection, *, limit: int = 50) -> list[BulkAction]:
    """The acts of late, the newest first."""
    sql = f"SELECT {_COLUMNS} FROM bulk_action ORDER BY action_id DESC LIMIT %(limit)s"  # noqa: S608  # constants only
    return [_action(record) for record in records(connection, sql, {"limit": limit})]


def cancel(connection: Connection, action_id: int, *, person: str) -> BulkAction | None:
    """Call an act off; what was done stays done. None if it isn't running (any more)."""
    parameters = {"id": action_id, "person": f"person:{arrays.storable(person)}"}
    found = records(connection, _CANCEL + _RETURNING, parameters)
    return _action(found[0]) if found else None


def advance(connection: Connection, *, limit: int = 200) -> int:
    """Do the next few leads of an act that is running and that nobody else is at.

    Args:
        connection: In autocommit, not inside a transaction.
        limit: Leads of one transaction at the most.

    Returns:
        How many had their turn; 0: there is nothing to do.
    """
    return retrying(lambda: _advance(connection, limit))


def _advance(connection: Connection, limit: int) -> int:
    with undone_on_error(connection):
        found = records(connection, f"BEGIN;{_NEXT}", {"limit": limit})
        if not found:
            rows(connection, "COMMIT")
            return 0
        action = found[0]
        acted = _do(connection, action["lead_ids"], action)
        counts = {"id": action["action_id"], "done": len(acted.done), "refused": len(acted.refused)}
        rows(connection, f"{_PROGRESS};COMMIT", counts)
    return len(action["lead_ids"])


def _do(connection: Connection, lead_ids: Sequence[int], action: dict[str, object]) -> Acted:
    person = str(action["actor"]).removeprefix("person:")
    reason = f"bulk action {action['action_id']}" + (f": {action['reason']}" if action["reason"] else "")
    if action["kind"] == BulkKind.REPLAY:
        return replay(connection, lead_ids, person=person, reason=reason)
    if action["kind"] == BulkKind.MOVE:
        return move(connection, lead_ids, route=str(action["route"]), person=person, reason=reason)
    return reject(connection, lead_ids, code=str(action["code"]), person=person, reason=reason)


def _action(record: dict[str, object]) -> BulkAction:
    kinds = {"kind": BulkKind(str(record["kind"])), "state": BulkState(str(record["state"]))}
    return BulkAction(**{**record, **kinds})  # type: ignore[arg-type]  # the columns are the attributes


_COLUMNS = """action_id, kind, state, actor, reason, route, code, created_at, finished_at, total, processed, done,
       refused, cancelled_by"""

_RETURNING = f" RETURNING {_COLUMNS}"

_BEGIN = """
INSERT INTO bulk_action (kind, state, actor, reason, route, code, created_at, finished_at, lead_ids, total)
VALUES (%(kind)s, CASE WHEN %(total)s = 0 THEN 'done' ELSE 'running' END, %(actor)s, %(reason)s, %(route)s, %(code)s,
        now(), CASE WHEN %(total)s = 0 THEN now() END, %(lead_ids)s::bigint[], %(total)s)
"""

_CANCEL = """
UPDATE bulk_action SET state = 'cancelled', finished_at = now(), cancelled_by = %(person)s
WHERE action_id = %(id)s AND state = 'running'
"""

_NEXT = """
SELECT action_id, kind, actor, reason, route, code, lead_ids[processed + 1:processed + %(limit)s] AS lead_ids
FROM bulk_action WHERE state = 'running' ORDER BY action_id LIMIT 1 FOR UPDATE SKIP LOCKED
"""

_PROGRESS = """
UPDATE bulk_action SET
    processed = processed + %(done)s + %(refused)s, done = done + %(done)s, refused = refused + %(refused)s,
    state = CASE WHEN processed + %(done)s + %(refused)s >= total THEN 'done' ELSE state END,
    finished_at = CASE WHEN processed + %(done)s + %(refused)s >= total THEN now() END
WHERE action_id = %(id)s
"""
