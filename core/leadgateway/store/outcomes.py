"""What became of a claimed lead, written under its lease: the attempt, the new state and the transition, together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

from leadgateway.json import JsonValue
from leadgateway.store import arrays
from leadgateway.store.connection import Connection
from leadgateway.store.execute import Lookup, lookup, retrying
from leadgateway.store.status import LeadStatus

EXCERPT_BYTES = 4096
"""How much of a response body is kept: enough for a customer's error message, little beside millions of leads."""

RETRIES_EXHAUSTED = "RETRIES_EXHAUSTED"
"""The code of the last transition of a lead whose retries are used up."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver, answered or not.

    Attributes:
        started_at: By the database's clock: what `mark_ready` returned, and the time that passed since.
        duration_ms: How long it took.
        kind: `delivered` or what went wrong: `status`, `timeout`, `connect`, `network`, `protocol`, `tls`, …
        response_status: HTTP status of the answer; None: there was none.
        response_body: Of the answer; the first 4 KiB are kept.
        response_headers: Of the answer, those that are worth keeping.
        error: A sentence for people about what went wrong; without secrets.
    """

    started_at: datetime
    duration_ms: int
    kind: str
    response_status: int | None = None
    response_body: bytes | None = field(default=None, repr=False)
    response_headers: Mapping[str, str] | None = field(default=None, repr=False)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """READY -> DELIVERED."""

    lead_id: int
    token: int
    config_hash: str
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Retry:
    """READY -> FAILED: the attempt failed and the next one comes `delay` after it is written."""

    lead_id: int
    token: int
    config_hash: str
    attempt: Attempt
    delay: timedelta


@dataclass(frozen=True, slots=True)
class Exhausted:
    """READY -> FAILED -> PERMANENTLY_FAILED: the attempt failed, and it was the last one."""

    lead_id: int
    token: int
    config_hash: str
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class PermanentlyFailed:
    """To PERMANENTLY_FAILED at once: the customer won't have it, or it can't be processed (then without an attempt)."""

    lead_id: int
    token: int
    config_hash: str | None
    attempt: Attempt | None
    code: str
    detail: Mapping[str, JsonValue] | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """RECEIVED -> REJECTED by a rule or a required target. Its deduplication key is free again."""

    lead_id: int
    token: int
    config_hash: str
    code: str
    detail: Mapping[str, JsonValue] | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """Given back as it is, due as before: the worker stops. With an attempt if it was on its way to the customer."""

    lead_id: int
    token: int
    config_hash: str
    attempt: Attempt | None = None


Outcome: TypeAlias = Delivered | Retry | Exhausted | PermanentlyFailed | Rejected | Released


def finish(connection: Connection, outcomes: Sequence[Outcome], *, worker: str) -> set[int]:
    """Write what became of leads and end their leases.

    Args:
        connection: In autocommit.
        outcomes: Each lead once.
        worker: Who claimed them.

    Returns:
        The leads that were written. Of the others the lease had gone to somebody else: nothing was written, and what
        happens to them is no longer this worker's business.
    """
    if not outcomes:
        return set()
    parameters = {"worker": worker, **_columns([_change(outcome) for outcome in outcomes])}
    frees_keys = any(isinstance(outcome, Rejected) for outcome in outcomes)
    statement = _FINISH_AND_FREE_KEYS if frees_keys else _FINISH
    return {lead_id for (lead_id,) in retrying(lambda: lookup(connection, statement, parameters))}


@dataclass(frozen=True, slots=True)
class _Change:
    """An outcome as the statement takes it; None for `status`: it stays."""

    outcome: Outcome
    attempt: Attempt | None = None
    status: LeadStatus | None = None
    steps: int = 1
    code: str | None = None
    detail: Mapping[str, JsonValue] | None = None
    delay: timedelta | None = None


def _change(outcome: Outcome) -> _Change:
    match outcome:
        case Delivered(attempt=attempt):
            return _Change(outcome, attempt, LeadStatus.DELIVERED)
        case Retry(attempt=attempt, delay=delay):
            return _Change(outcome, attempt, LeadStatus.FAILED, code=attempt.kind, delay=delay)
        case Exhausted(attempt=attempt):
            return _Change(outcome, attempt, LeadStatus.PERMANENTLY_FAILED, steps=2, code=attempt.kind)
        case PermanentlyFailed(attempt=attempt, code=code, detail=detail):
            return _Change(outcome, attempt, LeadStatus.PERMANENTLY_FAILED, code=code, detail=detail)
        case Rejected(code=code, detail=detail):
            return _Change(outcome, None, LeadStatus.REJECTED, code=code, detail=detail)
        case Released(attempt=attempt):
            return _Change(outcome, attempt, steps=0)
    assert_never(outcome)


def _columns(changes: Sequence[_Change]) -> dict[str, str]:
    attempts = [change.attempt for change in changes]
    return {
        "lead_ids": arrays.number_array(change.outcome.lead_id for change in changes),
        "tokens": arrays.number_array(change.outcome.token for change in changes),
        "config_hashes": arrays.text_array(change.outcome.config_hash for change in changes),
        "statuses": arrays.text_array(change.status for change in changes),
        "steps": arrays.number_array(change.steps for change in changes),
        "codes": arrays.text_array(change.code for change in changes),
        "details": arrays.json_array(change.detail for change in changes),
        "delays": arrays.interval_array(change.delay for change in changes),
        "kinds": arrays.text_array(made.kind if made else None for made in attempts),
        "started_at": arrays.time_array(made.started_at if made else None for made in attempts),
        "durations": arrays.number_array(made.duration_ms if made else None for made in attempts),
        "response_statuses": arrays.number_array(made.response_status if made else None for made in attempts),
        "response_headers": arrays.verbatim_json_array(made.response_headers if made else None for made in attempts),
        "response_bodies": arrays.hex_array(_excerpt(made) for made in attempts),
        "errors": arrays.text_array(made.error if made else None for made in attempts),
    }


def _excerpt(attempt: Attempt | None) -> bytes | None:
    if attempt is None or attempt.response_body is None:
        return None
    return attempt.response_body[:EXCERPT_BYTES]


# `before` is the same row as `s`, read only to know the state it comes from: while the lease is held nobody else
# changes it.
_STEPS = """
WITH held AS (
    UPDATE lead_state AS s SET
        status = coalesce(o.status, s.status),
        due_at = CASE WHEN o.status IS NULL THEN s.due_at ELSE greatest(o.at, s.updated_at) + o.delay END,
        ended_at = CASE WHEN o.status IN ('DELIVERED', 'REJECTED', 'PERMANENTLY_FAILED')
                        THEN greatest(o.at, s.updated_at) END,
        reject_code = CASE WHEN o.status = 'REJECTED' THEN o.code END,
        failures = s.failures + (o.kind IS NOT NULL AND o.status IS NOT NULL AND o.status <> 'DELIVERED')::int,
        expired = CASE WHEN o.status IS NULL THEN s.expired ELSE 0 END,
        attempts = s.attempts + (o.kind IS NOT NULL)::int,
        transitions = s.transitions + o.steps,
        updated_at = CASE WHEN o.steps > 0 THEN greatest(o.at, s.updated_at) ELSE s.updated_at END,
        leased_at = NULL,
        leased_until = NULL,
        lease_holder = NULL
    FROM (
        SELECT lead_id, token, config_hash, status::lead_status AS status, steps, code, detail, delay, kind, started_at,
               duration_ms, response_status, response_headers, response_body, error, clock_timestamp() AS at
        FROM unnest(
            %(lead_ids)s::bigint[], %(tokens)s::bigint[], %(config_hashes)s::text[], %(statuses)s::text[],
            %(steps)s::int[], %(codes)s::text[], %(details)s::text[], %(delays)s::interval[],
            %(kinds)s::text[], %(started_at)s::timestamptz[], %(durations)s::int[], %(response_statuses)s::smallint[],
            %(response_headers)s::text[], %(response_bodies)s::text[], %(errors)s::text[]
        ) AS u (lead_id, token, config_hash, status, steps, code, detail, delay, kind, started_at,
                duration_ms, response_status, response_headers, response_body, error)
    ) AS o
    JOIN lead_state AS before USING (lead_id)
    WHERE s.lead_id = o.lead_id AND s.lease_token = o.token AND s.lease_holder = %(worker)s
    RETURNING s.lead_id, s.status AS to_status, before.status AS from_status, s.round, s.attempts, s.transitions,
              s.due_at, s.updated_at, o.token, o.config_hash, o.steps, o.code, o.detail, o.kind, o.started_at,
              o.duration_ms, o.response_status, o.response_headers, o.response_body, o.error
), attempted AS (
    INSERT INTO delivery_attempt (
        lead_id, number, round, started_at, duration_ms, kind, error, response_status, response_headers, response_body,
        worker, config_hash, lease_token
    )
    SELECT lead_id, attempts, round, started_at, duration_ms, kind, error, response_status, response_headers::json,
           decode(response_body, 'hex'), %(worker)s, config_hash, token
    FROM held WHERE kind IS NOT NULL
), stepped AS (
    INSERT INTO status_transition (lead_id, seq, at, from_status, to_status, actor, config_hash, code, detail)
    SELECT lead_id, transitions - steps + 1, updated_at, from_status,
           CASE WHEN steps = 2 THEN 'FAILED' ELSE to_status END, 'worker:' || %(worker)s, config_hash, code,
           CASE WHEN due_at IS NULL THEN detail::jsonb ELSE jsonb_build_object('due_at', due_at) END
    FROM held WHERE steps > 0
    UNION ALL
    SELECT lead_id, transitions, updated_at, 'FAILED', to_status, 'worker:' || %(worker)s, config_hash,
           'RETRIES_EXHAUSTED', NULL
    FROM held WHERE steps = 2
)
"""

_KEYS = """, freed AS (
    DELETE FROM lead_key AS k USING held JOIN inbound_lead AS l USING (lead_id)
    WHERE held.to_status = 'REJECTED'
      AND k.route = l.route AND k.kind = 'D' AND k.digest = l.dedup_key AND k.lead_id = l.lead_id
)
"""

_WRITTEN = "SELECT lead_id FROM held"

_FINISH = Lookup("finish", _STEPS + _WRITTEN)
_FINISH_AND_FREE_KEYS = Lookup("finish_and_free_keys", _STEPS + _KEYS + _WRITTEN)
