"""What people do to leads."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leadgateway.store.arrival import Stored
from leadgateway.store.connection import Connection
from leadgateway.store.intake import store_batch
from leadgateway.store.outcomes import Delivered, Exhausted, Released, Retry
from leadgateway.store.people import Acted, AlreadyThere, InFlight, NotFound, WrongStatus, move, reject, replay
from leadgateway.store.status import LeadStatus
from leadgateway.store.story import LeadStory, lead_story
from tests.building.stored_leads import CONFIG, ROUTE, Worker, attempt, let_leases_run_out, status_of, stored, twin


def told(connection: Connection, lead_id: int) -> LeadStory:
    story = lead_story(connection, lead_id)
    assert story is not None
    return story


@pytest.fixture
def one_of_each(connection: Connection, worker: Worker) -> dict[LeadStatus, int]:
    """A lead in every state; none is leased."""
    names = ["DELIVERED", "PERMANENTLY_FAILED", "FAILED", "READY", "REJECTED", "RECEIVED"]
    ids = dict(zip(names, stored(connection, count=6), strict=True))
    leads = {lead.lead_id: lead for lead in worker.claim()}
    rejected, received = leads[ids["REJECTED"]], leads[ids["RECEIVED"]]
    worker.mark_ready([lead for lead in leads.values() if lead not in (rejected, received)])
    token = {name: leads[lead_id].token for name, lead_id in ids.items()}
    worker.reject(rejected)
    worker.finish(
        Delivered(ids["DELIVERED"], token["DELIVERED"], CONFIG, attempt()),
        Exhausted(ids["PERMANENTLY_FAILED"], token["PERMANENTLY_FAILED"], CONFIG, attempt("status")),
        Retry(ids["FAILED"], token["FAILED"], CONFIG, attempt("status"), timedelta(hours=1)),
        Released(ids["READY"], token["READY"], CONFIG),
        Released(ids["RECEIVED"], token["RECEIVED"], CONFIG),
    )
    assert all(status_of(connection, lead_id) == name for name, lead_id in ids.items())
    return {LeadStatus(name): lead_id for name, lead_id in ids.items()}


def done_to(acted: Acted, leads: dict[LeadStatus, int]) -> set[LeadStatus]:
    refused = {status for status, lead_id in leads.items() if lead_id in acted.refused}
    assert all(acted.refused[leads[status]] == WrongStatus(status) for status in refused)
    done = {status for status, lead_id in leads.items() if lead_id in acted.done}
    assert done | refused == set(leads)
    return done


def test_leads_at_an_end_can_be_replayed_unless_they_were_delivered(
    connection: Connection, one_of_each: dict[LeadStatus, int]
) -> None:
    acted = replay(connection, one_of_each.values(), person="ann")

    assert done_to(acted, one_of_each) == {LeadStatus.REJECTED, LeadStatus.PERMANENTLY_FAILED}


def test_leads_that_wait_can_be_rejected(connection: Connection, one_of_each: dict[LeadStatus, int]) -> None:
    acted = reject(connection, one_of_each.values(), code="BY_HAND", person="ann")

    assert done_to(acted, one_of_each) == {LeadStatus.RECEIVED, LeadStatus.READY, LeadStatus.FAILED}


def test_any_lead_but_a_delivered_one_can_be_moved(connection: Connection, one_of_each: dict[LeadStatus, int]) -> None:
    acted = move(connection, one_of_each.values(), route="default/other", person="ann")

    assert done_to(acted, one_of_each) == set(LeadStatus) - {LeadStatus.DELIVERED}
    assert {status_of(connection, lead_id) for lead_id in acted.done} == {"RECEIVED"}


def test_a_replay_begins_another_round_with_another_idempotency_key(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    for _ in range(2):
        worker.fail(worker.claim_ready())
    reject(connection, [lead_id], code="X", person="ann")

    replay(connection, [lead_id], person="bob", reason="the customer mended it")

    again = worker.claim_one()
    assert (again.status, again.round, again.failures, again.payload) == ("RECEIVED", 2, 0, None)
    worker.mark_ready([again])
    worker.deliver(again)
    story = told(connection, lead_id)
    assert len({made.idempotency_key for made in story.rounds}) == 2
    assert [made.round for made in story.attempts] == [1, 1, 2]
    assert story.reject_code is None
    replayed = next(step for step in story.transitions if step.code == "REPLAYED")
    assert (replayed.actor, replayed.detail) == ("person:bob", {"reason": "the customer mended it"})


def test_a_rejection_by_hand_is_recorded_with_who_and_why(connection: Connection) -> None:
    [lead_id] = stored(connection)

    reject(connection, [lead_id], code="TEST_LEAD", person="ann\x00", reason="typed \ud800")

    story = told(connection, lead_id)
    assert (story.status, story.reject_code, story.due_at) == ("REJECTED", "TEST_LEAD", None)
    last = story.transitions[-1]
    assert (last.actor, last.code, last.detail) == ("person:ann\ufffd", "TEST_LEAD", {"reason": "typed \ufffd"})


def test_a_rejection_by_hand_frees_the_deduplication_key(connection: Connection) -> None:
    [lead_id] = stored(connection, twin())

    reject(connection, [lead_id], code="X", person="ann")

    [answer] = store_batch(connection, [twin()])
    assert isinstance(answer, Stored)


def test_a_moved_lead_is_judged_by_its_new_route_and_the_move_recorded(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    worker.fail(worker.claim_ready(), delay=timedelta(hours=1))

    move(connection, [lead_id], route="default/other", person="ann", reason="the route was deleted")

    assert worker.claim() == []
    [lead] = worker.claim(routes=["default/other"])
    assert (lead.status, lead.payload, lead.round, lead.failures) == ("RECEIVED", None, 2, 0)
    story = told(connection, lead_id)
    assert (story.route, story.arrived_at_route) == ("default/other", ROUTE)
    moved = story.transitions[-1]
    assert (moved.code, moved.actor) == ("MOVED", "person:ann")
    assert moved.detail == {"reason": "the route was deleted", "from_route": ROUTE, "to_route": "default/other"}


def test_a_move_to_where_a_lead_is_does_nothing(connection: Connection) -> None:
    [lead_id] = stored(connection)

    acted = move(connection, [lead_id], route=ROUTE, person="ann")

    assert acted == Acted((), {lead_id: AlreadyThere()})


def test_a_lead_that_a_worker_is_on_is_left_alone(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_ready()

    for acted in (
        reject(connection, [lead_id], code="X", person="ann"),
        move(connection, [lead_id], route="default/other", person="ann"),
    ):
        refusal = acted.refused[lead_id]
        assert isinstance(refusal, InFlight)
        assert "try again" in str(refusal)
    worker.deliver(lead)


def test_a_lead_whose_worker_is_gone_is_taken_from_it(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_ready()
    let_leases_run_out(connection)

    assert reject(connection, [lead_id], code="X", person="ann").done == (lead_id,)

    assert worker.finish(Delivered(lead_id, lead.token, CONFIG, attempt())) == set()
    story = told(connection, lead_id)
    assert story.status == "REJECTED"
    assert [(made.number, made.kind, made.worker) for made in story.attempts] == [(1, "lease_expired", "w1")]


def test_leads_that_are_not_there_are_named(connection: Connection) -> None:
    [lead_id] = stored(connection)

    acted = reject(connection, [lead_id, 2**62, lead_id], code="X", person="ann")

    assert acted == Acted((lead_id,), {2**62: NotFound()})


def test_asked_for_nothing_nothing_is_done(connection: Connection) -> None:
    assert replay(connection, [], person="ann") == Acted((), {})


def test_a_thousand_leads_are_acted_on_at_once(connection: Connection) -> None:
    ids = stored(connection, count=1000)

    assert len(reject(connection, ids, code="X", person="ann").done) == 1000
    assert len(replay(connection, ids, person="ann").done) == 1000
