"""Reads what the database says about every lead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg2

from tests.chaos.records import Episode, Footprint, Lead, Request, RetryRule


@dataclass(frozen=True, slots=True)
class Step:
    """A row of status_transition; times in seconds since 1970."""

    seq: int
    at: float
    before: str | None
    after: str
    actor: str
    code: str | None
    due_at: float | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row of delivery_attempt."""

    number: int
    round: int
    started: float
    seconds: float
    kind: str
    status: int | None

    @property
    def ended(self) -> float:
        return self.started + self.seconds


@dataclass(slots=True)
class Story:
    """All that the database holds about one lead."""

    lead_id: int
    route: str
    received: float
    body: bytes
    status: str
    transitions: int
    attempts_counted: int
    steps: list[Step] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    rounds: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    """Idempotency-Key and payload, by round."""


@dataclass(frozen=True)
class Evidence:
    """Everything the auditor judges by.

    Attributes:
        stories: By lead id.
        duplicates: Bodies of recognised duplicates, with the lead that was there first.
        leads: As their sources know them.
        requests: As the customers know them.
        episodes: The faults.
        starts: When processes were starting, which is part of the fault that ended them.
        rules: What each route promises about retries.
        sweep_seconds: The workers'.
        recovery_seconds: How long after a fault its consequences may last.
        before: Footprints when the load had just begun.
        after: Footprints when all was over.
        connections: To PostgreSQL, before and after.
        openings: By route: from when to when its circuit breaker was open, in order.
    """

    stories: dict[int, Story]
    duplicates: list[tuple[int, bytes]]
    leads: Sequence[Lead]
    requests: Sequence[Request]
    episodes: Sequence[Episode]
    rules: dict[str, RetryRule]
    sweep_seconds: float
    recovery_seconds: float
    before: Sequence[Footprint] = ()
    after: Sequence[Footprint] = ()
    connections: tuple[int, int] = (0, 0)
    starts: Sequence[Episode] = ()
    openings: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)

    def held_until(self, route: str, due: float, *, patience: float) -> float:
        """From when on a lead of a route had to be looked at: when it was due, or when the breaker had closed again.

        Args:
            route: The lead's.
            due: When it was due.
            patience: How long it may have waited anyway until a breaker opened.
        """
        for opened, closed in self.openings.get(route, ()):
            if opened <= due + patience and due < closed:
                due = closed
        return due

    def excused(self, began: float, ended: float, *, families: Container[str] | None = None) -> bool:
        """Whether a fault, or what it left behind, may have had a hand in what happened between two times.

        Args:
            began: The first time.
            ended: The second.
            families: Of the faults that count; None: all.
        """
        return any(
            episode.began - 1 <= ended and began <= episode.ended + self.recovery_seconds
            for episode in (*self.episodes, *self.starts)
            if families is None or episode.family in families
        )


def read_stories(url: str) -> tuple[dict[int, Story], list[tuple[int, bytes]]]:
    """Read every lead, and every recognised duplicate.

    Args:
        url: Of the database.
    """
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute(
            "SELECT l.lead_id, s.route, l.received_at, l.body, s.status::text, s.transitions, s.attempts"
            " FROM inbound_lead l LEFT JOIN lead_state s USING (lead_id)"
        )
        stories = {row[0]: _story(row) for row in cursor.fetchall()}
        cursor.execute(
            "SELECT lead_id, seq, at, from_status::text, to_status::text, actor, code, detail ->> 'due_at'"
            " FROM status_transition ORDER BY lead_id, seq"
        )
        for lead_id, seq, at, before, after, actor, code, due in cursor.fetchall():
            due_at = None if due is None else datetime.fromisoformat(due).timestamp()
            stories[lead_id].steps.append(Step(seq, at.timestamp(), before, after, actor, code, due_at))
        cursor.execute(
            "SELECT lead_id, number, round, started_at, duration_ms, kind, response_status"
            " FROM delivery_attempt ORDER BY lead_id, number"
        )
        for lead_id, number, round_number, started, milliseconds, kind, status in cursor.fetchall():
            attempt = Attempt(number, round_number, started.timestamp(), milliseconds / 1000, kind, status)
            stories[lead_id].attempts.append(attempt)
        cursor.execute("SELECT lead_id, round, idempotency_key::text, payload FROM delivery_round")
        for lead_id, round_number, key, payload in cursor.fetchall():
            stories[lead_id].rounds[round_number] = (key, bytes(payload))
        cursor.execute("SELECT lead_id, body FROM duplicate_lead")
        return stories, [(lead_id, bytes(body)) for lead_id, body in cursor.fetchall()]


def read_openings(url: str) -> dict[str, list[tuple[float, float]]]:
    """Read when the circuit breakers were open, by route.

    Args:
        url: Of the database.
    """
    openings: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT route, extract(epoch FROM opened_at)::float8,"
            " coalesce(extract(epoch FROM closed_at), 'infinity')::float8 FROM breaker_opening ORDER BY opened_at"
        )
        for route, opened, closed in cursor.fetchall():
            openings[route.rpartition("/")[2]].append((opened, closed))
    return openings


def _story(row: tuple[Any, ...]) -> Story:
    lead_id, route, received, body, status, transitions, attempts = row
    return Story(
        lead_id,
        str(route or "").rpartition("/")[2],
        received.timestamp(),
        bytes(body),
        str(status),
        transitions or 0,
        attempts or 0,
    )


def by_key(requests: Sequence[Request]) -> dict[str, list[Request]]:
    """Requests by Idempotency-Key, in the order they came."""
    found: dict[str, list[Request]] = defaultdict(list)
    for request in requests:
        found[request.key].append(request)
    return found
