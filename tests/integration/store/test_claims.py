"""Claiming due leads: who gets which, leases that run out, poison."""

from __future__ import annotations

from datetime import timedelta

from leadgateway.store.claims import POISONED_AFTER
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.execute import rows
from leadgateway.store.outcomes import Released
from leadgateway.store.story import lead_story
from tests.building.stored_leads import (
    BODY,
    CONFIG,
    PAYLOAD,
    ROUTE,
    Worker,
    let_leases_run_out,
    new_lead,
    status_of,
    steps_of,
    stored,
)
from tests.building.waiting import eventually


def test_a_claim_tells_all_that_a_worker_needs(connection: Connection, worker: Worker) -> None:
    lead = new_lead()
    [lead_id] = stored(connection, lead)

    claimed = worker.claim_one()

    assert (claimed.lead_id, claimed.token, claimed.route, claimed.status) == (lead_id, 1, ROUTE, "RECEIVED")
    assert (claimed.correlation_id, claimed.body) == (lead.correlation_id, BODY)
    assert (claimed.round, claimed.failures, claimed.expired, claimed.poisoned) == (1, 0, 0, False)
    assert (claimed.payload, claimed.idempotency_key) == (None, None)
    assert rows(connection, "SELECT received_at FROM inbound_lead") == [(claimed.received_at,)]


def test_a_claimed_lead_is_not_claimed_again_while_its_lease_runs(connection: Connection, worker: Worker) -> None:
    stored(connection, count=3)

    assert len(worker.claim()) == 3
    assert worker.claim() == []


def test_a_failed_lead_comes_with_what_its_round_sends(connection: Connection, worker: Worker) -> None:
    stored(connection)
    worker.fail(worker.claim_ready())

    again = worker.claim_one()

    assert (again.status, again.failures, again.round, again.payload) == ("FAILED", 1, 1, PAYLOAD)
    assert again.idempotency_key is not None


def test_no_more_than_the_slots_of_a_route_are_claimed_the_longest_due_first(
    connection: Connection, worker: Worker
) -> None:
    ids = [stored(connection)[0] for _ in range(5)]

    assert [lead.lead_id for lead in worker.claim(2)] == ids[:2]
    assert [lead.lead_id for lead in worker.claim(2)] == ids[2:4]


def test_a_route_without_slots_keeps_its_leads(connection: Connection, worker: Worker) -> None:
    stored(connection)

    assert worker.claim(0) == []
    assert worker.claim(routes=["default/other"]) == []
    assert worker.claim(routes=[]) == []


def test_each_route_has_slots_of_its_own(connection: Connection, worker: Worker) -> None:
    routes = [f"default/route-{number}" for number in range(5)]
    stored(connection, *(new_lead(route=route) for route in routes for _ in range(3)))

    claimed = worker.claim(2, routes=routes)

    assert sorted(lead.route for lead in claimed) == sorted(routes * 2)


def test_leads_of_other_routes_in_between_are_passed_over(connection: Connection, worker: Worker) -> None:
    stored(connection, *(new_lead(route=f"default/{letter}") for letter in "abcdefghij"))

    claimed = worker.claim(routes=["default/c", "default/h", "default/zzz", "default/\U0001f600"])

    assert sorted(lead.route for lead in claimed) == ["default/c", "default/h"]


def test_every_route_gets_its_turn_when_a_claim_is_limited(connection: Connection, worker: Worker) -> None:
    routes = [f"default/route-{number}" for number in range(8)]
    stored(connection, *(new_lead(route=route) for route in routes for _ in range(30)))

    served = set()
    for _ in range(60):
        served |= {lead.route for lead in worker.claim(routes=routes, limit=2)}

    assert served == set(routes)


def test_a_claim_takes_no_more_than_its_limit(connection: Connection, worker: Worker) -> None:
    stored(connection, count=5)

    assert len(worker.claim(limit=3)) == 3
    assert worker.claim(limit=0) == []


def test_a_lead_is_not_claimed_before_it_is_due(connection: Connection, worker: Worker) -> None:
    stored(connection)
    worker.fail(worker.claim_ready(), delay=timedelta(milliseconds=300))

    assert worker.claim() == []
    [lead] = eventually(worker.claim)
    [(due_at, claimed_at)] = rows(connection, "SELECT due_at, leased_at FROM lead_state")
    assert lead.status == "FAILED"
    assert claimed_at >= due_at


def test_a_lease_that_ran_out_passes_to_the_next_with_another_token(connection: Connection) -> None:
    [lead_id] = stored(connection)
    first = Worker(connection, "w1", lease=timedelta(milliseconds=50))
    second = Worker(connection, "w2")
    lost = first.claim_one()

    [again] = eventually(second.claim)

    assert (again.lead_id, again.token, again.expired) == (lead_id, lost.token + 1, 1)


def test_a_lost_lease_is_recorded_as_an_attempt(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    worker.claim_ready()
    let_leases_run_out(connection)

    [again] = Worker(connection, "w2").claim()

    story = lead_story(connection, lead_id)
    assert story is not None
    [lapse] = story.attempts
    assert (lapse.number, lapse.kind, lapse.worker, lapse.round) == (1, "lease_expired", "w1", 1)
    assert lapse.request_body == PAYLOAD
    assert lapse.error is not None
    assert lapse.response_status is None
    assert lapse.started_at == story.transitions[-1].at
    assert (again.status, again.payload) == ("READY", PAYLOAD)


def test_a_lease_lost_before_anything_could_be_sent_names_no_request(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    worker.claim()
    let_leases_run_out(connection)
    worker.claim()

    story = lead_story(connection, lead_id)
    assert story is not None
    assert [(lapse.kind, lapse.request_body) for lapse in story.attempts] == [("lease_expired", None)]


def test_five_lost_leases_in_a_row_end_the_lead_visibly(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    for _ in range(POISONED_AFTER):
        assert not worker.claim_one().poisoned
        let_leases_run_out(connection)

    [last] = worker.claim()

    assert last.poisoned
    assert worker.claim() == []
    story = lead_story(connection, lead_id)
    assert story is not None
    assert (story.status, story.due_at, story.leased_until) == ("PERMANENTLY_FAILED", None, None)
    assert story.transitions[-1].code == "POISONED"
    assert story.transitions[-1].detail == {"leases_expired": POISONED_AFTER}
    assert [attempt.kind for attempt in story.attempts] == ["lease_expired"] * POISONED_AFTER


def test_a_poisoned_lead_is_given_up_even_if_its_worker_died_while_giving_it_up(
    connection: Connection, worker: Worker
) -> None:
    [lead_id] = stored(connection)
    worker.claim()
    let_leases_run_out(connection)
    rows(connection, f"UPDATE lead_state SET expired = {POISONED_AFTER}")

    assert worker.claim_one().poisoned
    assert status_of(connection, lead_id) == "PERMANENTLY_FAILED"


def test_a_result_in_between_forgives_lost_leases(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    for _ in range(POISONED_AFTER - 1):
        worker.claim()
        let_leases_run_out(connection)
    worker.fail(worker.claim_ready())

    worker.claim()
    let_leases_run_out(connection)

    assert worker.claim_one().expired == 1
    assert steps_of(connection, lead_id)[-1] == "FAILED"


def test_giving_a_lead_back_does_not_forgive_lost_leases(connection: Connection, worker: Worker) -> None:
    stored(connection)
    worker.claim()
    let_leases_run_out(connection)
    lead = worker.claim_one()

    worker.finish(Released(lead.lead_id, lead.token, CONFIG))

    assert worker.claim_one().expired == 1


def test_a_claim_passes_over_leads_that_are_locked(engine: Engine, connection: Connection, worker: Worker) -> None:
    first, second = stored(connection, count=2)
    with engine.connect() as other:
        rows(other, f"BEGIN; SELECT 1 FROM lead_state WHERE lead_id = {first} FOR UPDATE")

        assert [lead.lead_id for lead in worker.claim()] == [second]

        rows(other, "ROLLBACK")
