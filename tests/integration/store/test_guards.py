"""What the database refuses by itself, whoever asks."""

from __future__ import annotations

import itertools

import pytest

from leadgateway.store.connection import Connection
from leadgateway.store.errors import RowRefused
from leadgateway.store.execute import rows
from leadgateway.store.status import LEGAL_STEPS, MOVABLE, WAITING, LeadStatus
from tests.building.stored_leads import Worker, status_of, stored, twin

STEPS = list(itertools.product(LeadStatus, LeadStatus))
INSERT_ONLY = ["inbound_lead", "status_transition", "delivery_round", "delivery_attempt", "duplicate_lead"]

PLACE = """
ALTER TABLE lead_state DISABLE TRIGGER lead_state_legal_step;  -- this is how the test gets anywhere
UPDATE lead_state SET status = %(status)s, reject_code = CASE WHEN %(status)s = 'REJECTED' THEN 'X' END,
    due_at = CASE WHEN %(waits)s THEN now() END
WHERE lead_id = %(id)s;
ALTER TABLE lead_state ENABLE TRIGGER lead_state_legal_step
"""
STEP = """
UPDATE lead_state SET status = %(status)s, reject_code = CASE WHEN %(status)s = 'REJECTED' THEN 'X' END,
    due_at = CASE WHEN %(waits)s THEN now() END, route = coalesce(%(route)s, route)
WHERE lead_id = %(id)s
"""
RECORD = """
INSERT INTO status_transition (lead_id, seq, at, from_status, to_status, actor, code)
VALUES (%(id)s, 2, now(), %(before)s, %(after)s, 'test', %(code)s)
"""


def refusal(connection: Connection, statement: str, **values: object) -> str | None:
    """The name of what refuses the statement; None if nothing does."""
    try:
        rows(connection, statement, values)
    except RowRefused as error:
        return error.constraint
    return None


def place(connection: Connection, lead_id: int, status: LeadStatus) -> None:
    rows(connection, PLACE, {"id": lead_id, "status": status, "waits": status in WAITING})


def step(connection: Connection, lead_id: int, after: LeadStatus, *, route: str | None = None) -> bool:
    refused_by = refusal(connection, STEP, id=lead_id, status=after, waits=after in WAITING, route=route)
    assert refused_by in {None, "lead_state_legal_step"}
    return refused_by is None


def record(
    connection: Connection, lead_id: int, before: LeadStatus | None, after: LeadStatus, code: str | None
) -> bool:
    refused_by = refusal(connection, RECORD, id=lead_id, before=before, after=after, code=code)
    assert refused_by in {None, "status_transition_legal", "status_transition_first"}
    return refused_by is None


def test_a_lead_takes_exactly_the_legal_steps(connection: Connection) -> None:
    ids = stored(connection, count=len(STEPS))

    taken = set()
    for lead_id, (before, after) in zip(ids, STEPS, strict=True):
        place(connection, lead_id, before)
        if step(connection, lead_id, after):
            taken.add((before, after))

    stays = {(status, status) for status in LeadStatus}
    assert taken - stays == {(before, after) for before, afters in LEGAL_STEPS.items() for after in afters}


def test_a_lead_that_changes_its_route_may_be_received_again(connection: Connection) -> None:
    ids = stored(connection, count=len(LeadStatus))

    moved = set()
    for lead_id, before in zip(ids, LeadStatus, strict=True):
        place(connection, lead_id, before)
        if step(connection, lead_id, LeadStatus.RECEIVED, route="default/other"):
            moved.add(before)

    assert moved == MOVABLE


def test_a_transition_is_recorded_if_and_only_if_it_is_legal(connection: Connection) -> None:
    ids = stored(connection, count=len(STEPS))

    recorded = {
        (before, after)
        for lead_id, (before, after) in zip(ids, STEPS, strict=True)
        if record(connection, lead_id, before, after, None)
    }

    assert recorded == {(before, after) for before, afters in LEGAL_STEPS.items() for after in afters}


def test_a_move_is_recorded_from_wherever_a_person_may_move_a_lead(connection: Connection) -> None:
    ids = stored(connection, count=len(LeadStatus))

    recorded = {
        before
        for lead_id, before in zip(ids, LeadStatus, strict=True)
        if record(connection, lead_id, before, LeadStatus.RECEIVED, "MOVED")
    }

    assert recorded == MOVABLE


def test_only_the_first_transition_comes_from_nowhere(connection: Connection) -> None:
    [lead_id] = stored(connection)

    assert not record(connection, lead_id, None, LeadStatus.RECEIVED, None)


@pytest.mark.parametrize("status", [status for status in LeadStatus if status is not LeadStatus.RECEIVED])
def test_no_lead_begins_as_anything_but_received(connection: Connection, status: LeadStatus) -> None:
    insert = """
    INSERT INTO lead_state (lead_id, route, updated_at, status, due_at, reject_code)
    VALUES (1, 'default/x', now(), %(status)s, CASE WHEN %(waits)s THEN now() END,
            CASE WHEN %(status)s = 'REJECTED' THEN 'X' END)
    """
    with pytest.raises(RowRefused, match="lead_state_first_step"):
        rows(connection, insert, {"status": status, "waits": status in WAITING})


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("due_at = NULL", "lead_state_due_or_final"),
        ("status = 'REJECTED', due_at = NULL", "lead_state_reject_code"),
        ("reject_code = 'X'", "lead_state_reject_code"),
        ("leased_until = now()", "lead_state_lease"),
        ("lease_holder = 'w1'", "lead_state_lease"),
    ],
)
def test_a_state_that_makes_no_sense_is_refused(connection: Connection, change: str, constraint: str) -> None:
    stored(connection)

    with pytest.raises(RowRefused) as refusal:
        rows(connection, f"UPDATE lead_state SET {change}")

    assert refusal.value.constraint == constraint


def a_row_in_every_table(connection: Connection, worker: Worker) -> None:
    stored(connection, twin())
    worker.fail(worker.claim_ready())
    rows(
        connection,
        "INSERT INTO duplicate_lead (lead_id, received_at, correlation_id, headers, body) "
        "SELECT lead_id, received_at, correlation_id, headers, body FROM inbound_lead",
    )


@pytest.mark.parametrize("table", INSERT_ONLY)
def test_rows_of_the_audit_are_neither_changed_nor_removed(connection: Connection, worker: Worker, table: str) -> None:
    a_row_in_every_table(connection, worker)

    for statement in (f"UPDATE {table} SET lead_id = lead_id", f"DELETE FROM {table}"):
        with pytest.raises(RowRefused, match=f"{table}_insert_only"):
            rows(connection, statement)


@pytest.mark.parametrize("table", INSERT_ONLY)
def test_retention_gets_past_that_by_saying_so(connection: Connection, worker: Worker, table: str) -> None:
    a_row_in_every_table(connection, worker)

    rows(
        connection, f"SET LOCAL leadgateway.retention = 'on'; UPDATE {table} SET lead_id = lead_id; DELETE FROM {table}"
    )

    assert rows(connection, f"SELECT count(*) FROM {table}") == [(0,)]
    rows(connection, "SELECT 1")
    assert rows(connection, "SELECT current_setting('leadgateway.retention', true)") in ([("",)], [(None,)])


def test_the_refusal_holds_again_after_retention_said_so(connection: Connection, worker: Worker) -> None:
    a_row_in_every_table(connection, worker)

    rows(connection, "SET LOCAL leadgateway.retention = 'on'; UPDATE inbound_lead SET body = ''")

    with pytest.raises(RowRefused):
        rows(connection, "UPDATE inbound_lead SET body = 'x'")


def test_an_excerpt_of_a_response_is_at_most_4_kib(connection: Connection) -> None:
    insert = """
    INSERT INTO delivery_attempt (
        lead_id, number, round, started_at, duration_ms, kind, worker, lease_token, response_body
    )
    VALUES (1, 1, 1, now(), 0, 'delivered', 'w', 1, convert_to(repeat('x', %(length)s), 'UTF8'))
    """
    with pytest.raises(RowRefused, match="delivery_attempt_excerpt"):
        rows(connection, insert, {"length": 4097})
    rows(connection, insert, {"length": 4096})


def test_an_illegal_step_undoes_all_that_was_written_with_it(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_one()

    with pytest.raises(RowRefused, match="_legal"):
        worker.deliver(lead)  # it was never marked ready

    assert status_of(connection, lead_id) == "RECEIVED"
    assert rows(connection, "SELECT count(*) FROM delivery_attempt") == [(0,)]
