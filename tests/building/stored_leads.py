"""Leads in a real database, and a worker's moves, for tests that care about the store alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from leadgateway.settings import DatabaseSettings
from leadgateway.store.arrival import NewLead, Stored
from leadgateway.store.claims import Claim, claim
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.engine import create_store_engine
from leadgateway.store.execute import rows
from leadgateway.store.intake import store_batch
from leadgateway.store.outcomes import Attempt, Delivered, Outcome, Rejected, Retry, finish
from leadgateway.store.rounds import Ready, mark_ready

ROUTE = "default/solar"
CONFIG = "9f2c0a1b2c3d4e5f"
BODY = b'{"email": "user@example.com", "address": {"zip": "66123"}}'
PAYLOAD = b'{"customer_email":"user@example.com"}'
DAY = timedelta(hours=24)

Result = TypeVar("Result")


def store_engine(
    url: str, *, pool_size: int = 5, statement_timeout: timedelta = timedelta(0), plans_lookups: bool = False
) -> Engine:
    """An engine as the roles make it."""
    settings = DatabaseSettings(DATABASE_URL=url)
    return create_store_engine(
        settings,
        application_name="store tests",
        pool_size=pool_size,
        statement_timeout=statement_timeout,
        plans_lookups=plans_lookups,
    )


def new_lead(**changes: Any) -> NewLead:
    """A lead without keys, but for what the test says."""
    facts = {
        "route": ROUTE,
        "correlation_id": uuid4(),
        "body": BODY,
        "headers": {"content-type": "application/json"},
        "config_hash": CONFIG,
    }
    return NewLead(**{**facts, **changes})


def twin(key: bytes = b"k" * 32, **changes: Any) -> NewLead:
    """A lead that is a duplicate of every other one with the same key."""
    return new_lead(**{"dedup_key": key, "dedup_window": DAY, **changes})


def stored(connection: Connection, *leads: NewLead, count: int = 1) -> list[int]:
    """Store leads (or `count` of any kind), none of which repeats another, and return their ids."""
    answers = store_batch(connection, leads or [new_lead() for _ in range(count)])
    assert all(isinstance(answer, Stored) for answer in answers), answers
    return [answer.lead_id for answer in answers if isinstance(answer, Stored)]


def status_of(connection: Connection, lead_id: int) -> str:
    """Where the lead stands."""
    return str(rows(connection, "SELECT status FROM lead_state WHERE lead_id = %(id)s", {"id": lead_id})[0][0])


def steps_of(connection: Connection, lead_id: int) -> list[str]:
    """The states it went through, from the audit."""
    sql = "SELECT to_status FROM status_transition WHERE lead_id = %(id)s ORDER BY seq"
    return [step for (step,) in rows(connection, sql, {"id": lead_id})]


def attempt(kind: str = "delivered", **changes: Any) -> Attempt:
    """An attempt, answered with 200 unless the test says otherwise."""
    facts = {"started_at": datetime.now().astimezone(), "duration_ms": 12, "kind": kind, "response_status": 200}
    return Attempt(**{**facts, **changes})


@dataclass
class Worker:
    """The moves of one worker over one connection."""

    connection: Connection
    name: str = "w1"
    lease: timedelta = timedelta(seconds=30)

    def claim(self, slots: int = 100, *, routes: Sequence[str] = (ROUTE,), limit: int = 1000) -> list[Claim]:
        """Claim what is due on the routes."""
        return claim(
            self.connection,
            slots=dict.fromkeys(routes, slots),
            lease=dict.fromkeys(routes, self.lease),
            worker=self.name,
            limit=limit,
        )

    def claim_one(self) -> Claim:
        """Claim the one lead that is due."""
        [lead] = self.claim()
        return lead

    def mark_ready(self, leads: Sequence[Claim]) -> dict[int, datetime]:
        """Mark claimed leads ready, mapping those that are RECEIVED."""
        return mark_ready(self.connection, [self._ready(lead) for lead in leads], worker=self.name)

    def claim_ready(self) -> Claim:
        """Claim the one lead that is due and mark it ready."""
        lead = self.claim_one()
        assert self.mark_ready([lead])
        return lead

    def finish(self, *outcomes: Outcome) -> set[int]:
        """Write outcomes."""
        return finish(self.connection, outcomes, worker=self.name)

    def deliver(self, lead: Claim) -> None:
        """Write that it was delivered."""
        assert self.finish(Delivered(lead.lead_id, lead.token, CONFIG, attempt()))

    def fail(self, lead: Claim, *, delay: timedelta = timedelta(0)) -> None:
        """Write that it failed, to be tried again."""
        failed = attempt("status", response_status=500, error="the customer answered 500")
        assert self.finish(Retry(lead.lead_id, lead.token, CONFIG, failed, delay))

    def reject(self, lead: Claim, code: str = "NOT_HOMEOWNER") -> None:
        """Write that a rule turned it down."""
        assert self.finish(Rejected(lead.lead_id, lead.token, CONFIG, code))

    def _ready(self, lead: Claim) -> Ready:
        if lead.payload is not None:
            return Ready(lead.lead_id, lead.token, self.lease, CONFIG)
        return Ready(lead.lead_id, lead.token, self.lease, CONFIG, PAYLOAD, uuid4(), {"phone": "missing"})


def let_leases_run_out(connection: Connection) -> None:
    """Make it later, for leases: those that are held end in the past."""
    rows(connection, "UPDATE lead_state SET leased_until = leased_at WHERE leased_until IS NOT NULL")


def at_once(tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    """Run the tasks in threads of their own that start together; their results in order. What one raises is raised."""
    barrier = threading.Barrier(len(tasks))
    results: list[Result | BaseException | None] = [None] * len(tasks)

    def run(index: int) -> None:
        barrier.wait()
        try:
            results[index] = tasks[index]()
        except BaseException as error:  # handed to the test
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results  # type: ignore[return-value]  # none is an exception or missing any more
