"""The pump against a real PostgreSQL and a real customer: each arrow of a lead's life."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from prometheus_client import REGISTRY

from leadgateway.route.snapshot import Credentials
from leadgateway.store.people import replay
from leadgateway.store.status import LeadStatus
from leadgateway_worker.metrics import INVALID_LEAD
from leadgateway_worker.pump import Pump
from leadgateway_worker.settlement import REFUSED_BY_CUSTOMER
from tests.building.customer import Answer, Customer, Drip, Drop, Raw, Silence
from tests.building.pump import LEAD, Leads, a_compiled_route, engine_of, running_pump
from tests.building.waiting import eventually

_BURST = 256


def looks_that_brought(outcome: str) -> float:
    return REGISTRY.get_sample_value("leadgateway_claims_total", {"outcome": outcome}) or 0.0


def test_a_lead_is_mapped_and_delivered_with_every_step_on_record(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    customer.answer_next(Answer(201, b'{"id": 7}', {"X-Request-ID": "r-1"}))
    lead_id = leads.put_one()

    with running_pump(database_url, a_compiled_route(customer.url)):
        story = leads.until("DELIVERED", lead_id)

    (received,) = customer.received
    (attempt,) = story.attempts
    (round_,) = story.rounds
    assert received.json == {
        "customer_email": "user@example.com",
        "customer_zip": "66123",
        "is_homeowner": True,
        "phone": "+49 681 123456",
        "product": {"name": "Solaranlage"},
    }
    assert received.headers["x-correlation-id"] == str(story.correlation_id)
    assert received.idempotency_key == str(round_.idempotency_key)
    assert [step.to_status for step in story.transitions] == ["RECEIVED", "READY", "DELIVERED"]
    assert [step.actor for step in story.transitions[1:]] == ["worker:worker-1"] * 2
    assert (attempt.number, attempt.round, attempt.kind, attempt.error) == (1, 1, "delivered", None)
    assert (attempt.response_status, attempt.response_body) == (201, b'{"id": 7}')
    assert attempt.response_headers == {"content-type": "application/json", "x-request-id": "r-1"}
    assert attempt.request_body == received.body == round_.payload
    assert story.due_at is None
    assert story.leased_until is None


def test_the_times_of_a_story_never_run_backwards(leads: Leads, database_url: str, customer: Customer) -> None:
    customer.answer_next(Answer(500, after=0.05))
    lead_id = leads.put_one()

    with running_pump(database_url, a_compiled_route(customer.url)):
        story = leads.until("DELIVERED", lead_id)

    received, ready, failed, again, delivered = [step.at for step in story.transitions]
    first, second = story.attempts
    assert story.received_at == received
    assert ready <= first.started_at <= failed <= again <= second.started_at <= delivered
    assert 50 <= first.duration_ms <= (failed - ready).total_seconds() * 1000 + 1


def test_leads_that_follow_one_another_need_no_wake_up_of_their_own(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    with running_pump(database_url, a_compiled_route(customer.url)) as running:

        def deliver_all() -> bool:
            running.wake()
            return set(leads.statuses()) <= {"DELIVERED"}

        def deliver_with_the_first_one_s_wake_up() -> bool:
            eventually(deliver_all)
            before = looks_that_brought("leads")
            leads.put_one()
            running.wake()
            for _ in range(499):  # on a quick machine fifty are stored within three looks
                leads.put_one()
            return looks_that_brought("leads") - before > 5

        # Another try when this machine held the leads up for so long that the pump thought it was the last one.
        eventually(deliver_with_the_first_one_s_wake_up, within=60)


def test_a_pump_rests_until_it_is_called_and_soon_again_when_no_more_leads_come(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    with running_pump(database_url, a_compiled_route(customer.url)) as running:
        eventually(lambda: rests(running.pump))

        def looks_by_itself_after_a_lead() -> bool:
            leads.put_one()
            running.wake()
            return not rests(running.pump)

        # Another try when this machine held us up for so long that the flow had ended.
        eventually(looks_by_itself_after_a_lead)
        eventually(lambda: set(leads.statuses()) == {"DELIVERED"} and rests(running.pump))
        looks = looks_that_brought("nothing")
        time.sleep(0.3)  # nothing may happen: there is nothing to await
        assert looks_that_brought("nothing") == looks


def rests(pump: Pump) -> bool:
    began = time.monotonic()
    pump.await_rest(0.05)
    return time.monotonic() - began < 0.05


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"address": {"zip": "12345"}}, "ZIP_NOT_66XXX"),
        ({"house": {"is_owner": False}}, "NOT_HOMEOWNER"),
        ({"house": {}}, "MISSING_REQUIRED_FIELD"),
        ({"phone": None}, "MISSING_REQUIRED_FIELD"),
    ],
)
def test_a_lead_that_a_rule_or_target_turns_down_is_rejected_and_never_sent(
    leads: Leads, database_url: str, customer: Customer, change: dict[str, Any], code: str
) -> None:
    lead_id = leads.put_one(lead=LEAD | change)

    with running_pump(database_url, a_compiled_route(customer.url)):
        story = leads.until("REJECTED", lead_id)

    last = story.transitions[-1]
    assert story.reject_code == last.code == code
    assert last.detail is not None
    assert "message" in last.detail
    assert not customer.received
    assert not story.attempts


@pytest.mark.parametrize("body", [b"", b"no json"])
def test_a_stored_body_that_is_no_lead_is_rejected(
    leads: Leads, database_url: str, customer: Customer, body: bytes
) -> None:
    lead_id = leads.put_one(lead=body)

    with running_pump(database_url, a_compiled_route(customer.url)):
        story = leads.until("REJECTED", lead_id)

    assert story.reject_code == INVALID_LEAD


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Answer(500), "status"),
        (Answer(503), "status"),
        (Silence(), "timeout"),
        (Drip(), "timeout"),
        (Drop(), "disconnected"),
        (Raw(b"what?\r\n\r\n"), "protocol"),
    ],
)
def test_what_may_pass_is_repeated_with_the_same_bytes_and_key(
    leads: Leads, database_url: str, customer: Customer, behaviour: Any, kind: str
) -> None:
    customer.answer_next(behaviour)
    lead_id = leads.put_one()

    with running_pump(database_url, a_compiled_route(customer.url, endpoint={"timeout": "1s"})):
        story = leads.until("DELIVERED", lead_id)

    first, second = customer.received
    assert leads.path(lead_id) == ["RECEIVED", "READY", "FAILED", "READY", "DELIVERED"]
    assert [attempt.kind for attempt in story.attempts] == [kind, "delivered"]
    assert first.body == second.body
    assert first.idempotency_key == second.idempotency_key
    assert len(story.rounds) == 1


def test_a_repeat_sends_what_was_stored_even_if_the_route_has_changed(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    customer.answer_next(Answer(500))
    lead_id = leads.put_one()

    with running_pump(database_url, a_compiled_route(customer.url)) as running:
        leads.until("FAILED", lead_id)
        changed = a_compiled_route(customer.url, mapping={"everything": {"value": "else"}})
        running.routes = {changed.key: changed}
        leads.until("DELIVERED", lead_id)

    first, second = customer.received
    assert first.body == second.body


def test_repeats_come_when_they_are_due_and_end_after_the_last(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    customer.answer_always(Answer(503))
    lead_id = leads.put_one()
    retry = {"maxRetries": 2, "initialDelay": "1s", "factor": 2, "maxDelay": "480s"}

    with running_pump(database_url, a_compiled_route(customer.url, retry=retry)):
        story = leads.until("PERMANENTLY_FAILED", lead_id)

    waits = [later.at - earlier.at for earlier, later in pairwise(customer.received)]
    assert leads.path(lead_id) == [
        *("RECEIVED", "READY", "FAILED", "READY", "FAILED", "READY", "FAILED", "PERMANENTLY_FAILED")
    ]
    assert story.transitions[-1].code == "RETRIES_EXHAUSTED"
    assert 1 <= waits[0] < 1.8
    assert 2 <= waits[1] < 2.8


def test_retry_after_makes_the_wait_longer(leads: Leads, database_url: str, customer: Customer) -> None:
    customer.answer_next(Answer(503, headers={"Retry-After": "2"}))
    lead_id = leads.put_one()
    retry = {"initialDelay": "1s", "factor": 1, "maxDelay": "10s"}

    with running_pump(database_url, a_compiled_route(customer.url, retry=retry)):
        leads.until("DELIVERED", lead_id)

    first, second = customer.received
    assert 2 <= second.at - first.at < 3


@pytest.mark.parametrize("status", [302, 400, 429])
def test_any_other_status_ends_the_lead_at_once(
    leads: Leads, database_url: str, customer: Customer, status: int
) -> None:
    customer.answer_always(Answer(status, b'{"error": "no"}'))
    lead_id = leads.put_one()

    with running_pump(database_url, a_compiled_route(customer.url)):
        story = leads.until("PERMANENTLY_FAILED", lead_id)

    (attempt,) = story.attempts
    assert leads.path(lead_id) == ["RECEIVED", "READY", "PERMANENTLY_FAILED"]
    assert story.transitions[-1].code == REFUSED_BY_CUSTOMER
    assert (attempt.kind, attempt.response_status, attempt.response_body) == ("status", status, b'{"error": "no"}')


def test_an_address_that_may_not_be_reached_is_told_as_such_and_repeated(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    lead_id = leads.put_one()
    route = a_compiled_route("https://localhost:1/")
    hidden = replace(route, endpoint=replace(route.endpoint, allow_private_networks=False))

    with running_pump(database_url, hidden):
        story = leads.until("FAILED", lead_id)

    assert story.attempts[0].kind == "refused_address"
    assert "allowPrivateNetworks" in (story.attempts[0].error or "")


def test_a_lead_with_nul_and_lone_surrogates_is_delivered_without_loss(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    body = json.dumps(LEAD | {"phone": "\x00\ud800+49"}).encode()
    lead_id = leads.put_one(lead=body)

    with running_pump(database_url, a_compiled_route(customer.url)):
        leads.until("DELIVERED", lead_id)

    assert customer.received[0].json["phone"] == "\x00\ud800+49"


def test_never_more_deliveries_are_in_flight_than_the_route_says(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    customer.answer_always(Answer(after=0.05))
    leads.put(60)

    with running_pump(database_url, a_compiled_route(customer.url, endpoint={"concurrency": 7})):
        leads.until_all({"DELIVERED": 60})

    assert customer.most_at_once == 7
    assert len(customer.received) == 60


def test_all_that_is_due_is_taken_after_one_wake_up(leads: Leads, database_url: str, customer: Customer) -> None:
    with running_pump(database_url, a_compiled_route(customer.url)) as running:
        leads.put(700)
        leads.put(300, lead=LEAD | {"house": {"is_owner": False}})
        running.wake()
        leads.until_all({"DELIVERED": 700, "REJECTED": 300})

    assert len(customer.received) == 700


def test_a_burst_goes_over_few_connections_to_a_customer_that_answers_at_once(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    leads.put(_BURST)

    with running_pump(
        database_url, a_compiled_route(customer.url, endpoint={"concurrency": _BURST}), capacity=2 * _BURST
    ):
        leads.until_all({"DELIVERED": _BURST})

    assert customer.connections <= _BURST * 3 / 4


def test_a_capacity_smaller_than_the_work_is_never_exceeded_and_all_is_done(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    customer.answer_always(Answer(after=0.02))
    routes = [a_compiled_route(customer.url, name=f"route-{number}") for number in range(5)]
    for route in routes:
        leads.put(20, route=route.key)

    with running_pump(database_url, *routes, capacity=6):
        leads.until_all({"DELIVERED": 100})

    assert customer.most_at_once <= 6


def test_a_dead_customer_holds_only_its_own_slots(leads: Leads, database_url: str, customer: Customer) -> None:
    with Customer() as dead:
        dead.answer_always(Silence())
        routes = [a_compiled_route(customer.url), a_compiled_route(dead.url, name="dead", endpoint={"timeout": "20s"})]
        leads.put(100, route="default/dead")

        with running_pump(database_url, *routes, grace_seconds=0.1) as running:
            dead.wait_for(16)
            began = time.monotonic()
            leads.put(200)
            running.wake()
            eventually(lambda: len(customer.received) == 200)
            took = time.monotonic() - began

    assert took < 5
    assert len(dead.received) == 16


def test_many_dead_customers_leave_capacity_for_one_that_works(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    with Customer() as dead:
        dead.answer_always(Silence())
        gone = [a_compiled_route(dead.url, name=f"dead-{n}", endpoint={"timeout": "20s"}) for n in range(4)]
        for route in gone:
            leads.put(40, route=route.key)

        with running_pump(
            database_url, *gone, a_compiled_route(customer.url), capacity=40, grace_seconds=0.1
        ) as running:
            eventually(lambda: len(dead.received) >= 32)
            leads.put(50)
            running.wake()
            eventually(lambda: len(customer.received) == 50)


def test_a_paused_route_keeps_its_leads_until_it_goes_on(leads: Leads, database_url: str, customer: Customer) -> None:
    lead_id = leads.put_one()
    other = leads.put_one(route="default/other")
    paused = a_compiled_route(customer.url, paused=True)

    with running_pump(database_url, paused, a_compiled_route(customer.url, name="other")) as running:
        leads.until("DELIVERED", other)
        assert leads.story(lead_id).status == LeadStatus.RECEIVED
        running.routes = {paused.key: a_compiled_route(customer.url)}
        running.wake()
        leads.until("DELIVERED", lead_id)


def test_leads_of_a_route_that_is_not_loaded_wait_for_it(leads: Leads, database_url: str, customer: Customer) -> None:
    lead_id = leads.put_one(route="default/later")
    other = leads.put_one()

    with running_pump(database_url, a_compiled_route(customer.url)) as running:
        leads.until("DELIVERED", other)
        assert leads.path(lead_id) == ["RECEIVED"]
        later = a_compiled_route(customer.url, name="later")
        running.routes |= {later.key: later}
        running.wake()
        leads.until("DELIVERED", lead_id)


def test_a_sweep_finds_what_no_wake_up_told_of(leads: Leads, database_url: str, customer: Customer) -> None:
    with running_pump(database_url, a_compiled_route(customer.url), sweep_seconds=0.3):
        eventually(lambda: leads.ask("SELECT 1"))
        lead_id = leads.put_one()
        leads.until("DELIVERED", lead_id)


def test_a_token_that_http_cannot_carry_fails_the_attempt_and_not_the_pump(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    broken = replace(a_compiled_route(customer.url), credentials=Credentials(token="a\nb"))
    lead_id = leads.put_one()

    with running_pump(database_url, broken):
        story = leads.until("FAILED", lead_id)

    assert story.attempts[0].kind == "invalid_request"


def test_two_pumps_share_the_work_and_no_lead_is_sent_twice(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    customer.answer_always(Answer(after=0.01))
    leads.put(400)
    route = a_compiled_route(customer.url)

    with running_pump(database_url, route, worker="one"), running_pump(database_url, route, worker="two"):
        leads.until_all({"DELIVERED": 400})

    keys = Counter(request.idempotency_key for request in customer.received)
    workers = {worker for (worker,) in leads.ask("SELECT DISTINCT worker FROM delivery_attempt")}
    assert len(keys) == len(customer.received) == 400
    assert workers == {"one", "two"}


def test_stopping_lets_what_is_in_flight_end(leads: Leads, database_url: str, customer: Customer) -> None:
    customer.answer_always(Answer(after=0.5))
    leads.put(40)

    with running_pump(database_url, a_compiled_route(customer.url)):
        customer.wait_for(16)

    assert leads.statuses() == {"DELIVERED": 16, "RECEIVED": 24}


def test_stopping_gives_back_what_does_not_end_within_the_grace_period(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    customer.answer_always(Silence())
    lead_id = leads.put_one()
    route = a_compiled_route(customer.url, endpoint={"timeout": "60s"})

    with running_pump(database_url, route, grace_seconds=0.3):
        customer.wait_for(1)

    interrupted = leads.story(lead_id)
    assert interrupted.status == LeadStatus.READY
    assert interrupted.leased_until is None
    assert interrupted.failures == 0
    assert [attempt.kind for attempt in interrupted.attempts] == ["interrupted"]

    customer.answer_always(Answer())
    with running_pump(database_url, route, worker="worker-2"):
        leads.until("DELIVERED", lead_id)
    first, second = customer.received
    assert first.idempotency_key == second.idempotency_key


def test_a_result_whose_lease_has_passed_to_another_worker_overwrites_nothing(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    customer.answer_next(Answer(500, after=4.0))
    lead_id = leads.put_one()
    route = a_compiled_route(customer.url)

    with running_pump(database_url, route, worker="slow") as slow:
        customer.wait_for(1)
        eventually(lambda: rests(slow.pump), what="that the slow one looks for no more")
        leads.ask("UPDATE lead_state SET leased_until = now() - interval '1 second' RETURNING 1")
        with running_pump(database_url, route, worker="other"):
            leads.until("DELIVERED", lead_id)

    story = leads.story(lead_id)
    assert story.status == LeadStatus.DELIVERED
    assert [(attempt.kind, attempt.worker) for attempt in story.attempts] == [
        ("lease_expired", "slow"),
        ("delivered", "other"),
    ]
    assert len({request.idempotency_key for request in customer.received}) == 1


def test_expired_leases_use_up_no_retries(leads: Leads, database_url: str, customer: Customer) -> None:
    lead_id = leads.put_one()
    leads.ask(
        "UPDATE lead_state SET leased_at = now() - interval '9 s', leased_until = now() - interval '1 s',"
        " lease_holder = 'gone', lease_token = 3, expired = 2, attempts = 2 RETURNING 1"
    )

    with running_pump(database_url, a_compiled_route(customer.url)):
        story = leads.until("DELIVERED", lead_id)

    assert story.failures == 0
    assert [attempt.kind for attempt in story.attempts] == ["lease_expired", "delivered"]


def test_the_fifth_lease_in_a_row_that_expires_ends_the_lead(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    lead_id = leads.put_one()
    leads.ask(
        "UPDATE lead_state SET leased_at = now() - interval '9 s', leased_until = now() - interval '1 s',"
        " lease_holder = 'gone', lease_token = 5, expired = 4, attempts = 4 RETURNING 1"
    )

    with running_pump(database_url, a_compiled_route(customer.url)):
        story = leads.until("PERMANENTLY_FAILED", lead_id)

    assert story.transitions[-1].code == "POISONED"
    assert not customer.received


def test_the_customer_is_asked_with_the_key_of_the_new_round_after_a_replay(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    customer.answer_next(Answer(400))
    lead_id = leads.put_one()
    with running_pump(database_url, a_compiled_route(customer.url)) as running:
        leads.until("PERMANENTLY_FAILED", lead_id)
        engine = engine_of(database_url, connections=1)
        with engine.connect() as connection:
            replay(connection, [lead_id], person="ann")
        engine.dispose()
        running.wake()
        leads.until("DELIVERED", lead_id)

    first, second = customer.received
    assert first.idempotency_key != second.idempotency_key


def test_costly_rules_let_no_lease_run_out(leads: Leads, database_url: str, customer: Customer) -> None:
    """All are claimed at once, and to judge all of them takes longer than their leases last."""
    rules = [{"code": f"RULE_{n}", "cel": f"lead.list.all(x, x >= 0) || {n} < 0"} for n in range(64)]
    leads.put(50, lead=LEAD | {"list": list(range(900))})
    route = a_compiled_route(customer.url, validation={"rules": rules}, endpoint={"concurrency": 64})

    with running_pump(database_url, route, lease_margin=0.8):
        leads.until_all({"DELIVERED": 50})

    assert leads.ask("SELECT DISTINCT kind FROM delivery_attempt") == [("delivered",)]


def test_a_lead_that_the_pipeline_fails_on_is_left_to_its_lease_and_others_go_on(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    broken = replace(a_compiled_route(customer.url, name="broken"), rules=(None,))  # type: ignore[arg-type]
    stuck = leads.put_one(route="default/broken")
    lead_id = leads.put_one()

    with running_pump(
        database_url, broken, a_compiled_route(customer.url), lease_margin=0.2, sweep_seconds=0.1
    ) as running:
        leads.until("DELIVERED", lead_id)
        story = leads.until("PERMANENTLY_FAILED", stuck)
        assert running.thread.is_alive()

    assert [attempt.kind for attempt in story.attempts] == ["lease_expired"] * 5
    assert len(customer.received) == 1


def test_routes_with_leads_that_are_not_loaded_are_counted(leads: Leads, database_url: str, customer: Customer) -> None:
    leads.put_one(route="default/gone")
    leads.put_one(route="default/gone-too")
    lead_id = leads.put_one()

    with running_pump(database_url, a_compiled_route(customer.url)):
        leads.until("DELIVERED", lead_id)
        eventually(lambda: REGISTRY.get_sample_value("leadgateway_worker_unknown_routes") == 2)
