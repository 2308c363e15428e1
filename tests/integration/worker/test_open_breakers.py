"""The pump and a customer that goes down and comes back: what opens the breaker, the probes, the end of the waiting."""

from __future__ import annotations

from typing import Any

from prometheus_client import REGISTRY

from leadgateway.route.snapshot import RouteSnapshot
from tests.building.customer import Answer, Customer, Received
from tests.building.pump import LEAD, Leads, RunningPump, a_compiled_route, running_pump
from tests.building.waiting import eventually

NO_PROBE_YET = "UPDATE breaker_opening SET probe_at = now() + interval '1 hour'"
PROBE_NOW = "UPDATE breaker_opening SET probe_at = now() WHERE closed_at IS NULL RETURNING route"
OPEN = "SELECT attempts, failures, leads FROM breaker_opening WHERE closed_at IS NULL"
WITHIN = 60.0


def a_route(customer: Customer, **changes: Any) -> RouteSnapshot:
    """A route whose failed leads come again after an hour: what is attempted meanwhile is another lead each time."""
    return a_compiled_route(customer.url, retry={"initialDelay": "1h", "factor": 1, "maxDelay": "1h"}, **changes)


def until_open(leads: Leads, running: RunningPump, *, probe: str = NO_PROBE_YET) -> tuple[int, int, int]:
    """Wait until the pump has opened a breaker, and so has no older claim under way.

    The first probe comes when the test says so, however slow the machine.
    """
    [opened] = eventually(lambda: leads.ask(OPEN), within=WITHIN, what="an open breaker")
    leads.ask(probe)
    eventually(lambda: running.pump.open_breakers, within=WITHIN, what="that the pump knows of it")
    return (opened[0], opened[1], opened[2])


def until_nothing_is_in_flight(leads: Leads) -> None:
    leased = "SELECT lead_id FROM lead_state WHERE leased_until IS NOT NULL"
    eventually(lambda: not leads.ask(leased), within=WITHIN, what="that what was in flight has ended")


def until_closed(leads: Leads) -> None:
    eventually(lambda: not leads.ask(OPEN), within=WITHIN, what="that the breaker closes")


def test_a_customer_that_fails_every_time_is_left_alone_and_the_leads_behind_wait_untouched(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    customer.answer_always(Answer(500, after=0.2))
    lead_ids = leads.put(500)

    with running_pump(database_url, a_route(customer)) as running:
        attempts, failures, different = until_open(leads, running)
        until_nothing_is_in_flight(leads)
        sent = len(customer.received)

    assert attempts == failures >= 20
    assert different >= 10
    assert sent < 500
    untouched = [status for (status,) in leads.ask("SELECT status FROM lead_state WHERE attempts = 0")]
    assert untouched == ["RECEIVED"] * (len(lead_ids) - sent)


def test_the_first_probe_that_is_answered_lets_all_leads_through(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    customer.answer_always(Answer(500, after=0.2))
    leads.put(300)

    with running_pump(database_url, a_route(customer)) as running:
        until_open(leads, running)
        until_nothing_is_in_flight(leads)
        failed = leads.statuses()["FAILED"]
        customer.answer_always(Answer())
        leads.ask(PROBE_NOW)
        running.wake()
        until_closed(leads)
        leads.until_all({"DELIVERED": 300 - failed, "FAILED": failed}, within=WITHIN)

    [(probes, attempts)] = leads.ask("SELECT probes, (SELECT max(attempts) FROM lead_state) FROM breaker_opening")
    assert (probes, attempts) == (1, 1)


def test_the_pump_probes_by_itself_when_the_pause_is_over(leads: Leads, database_url: str, customer: Customer) -> None:
    customer.answer_always(Answer(500, after=0.2))
    leads.put(200)

    with running_pump(database_url, a_route(customer), sweep_seconds=600) as running:
        until_open(leads, running, probe="SELECT 'in its own time'")
        customer.answer_always(Answer())
        until_closed(leads)

    [(waited,)] = leads.ask("SELECT extract(epoch FROM closed_at - opened_at) FROM breaker_opening")
    assert waited >= 5


def test_leads_that_a_rule_rejects_do_not_keep_the_probe_from_the_customer(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    customer.answer_always(Answer(500, after=0.2))
    leads.put(40)

    with running_pump(database_url, a_route(customer)) as running:
        until_open(leads, running)
        until_nothing_is_in_flight(leads)
        leads.ask("UPDATE lead_state SET due_at = now() + interval '1 hour'")
        customer.answer_always(Answer())
        leads.put(5, lead=LEAD | {"house": {"is_owner": False}})
        last = leads.put_one()
        leads.ask(PROBE_NOW)
        running.wake()
        leads.until("DELIVERED", last, within=WITHIN)

    assert leads.statuses()["REJECTED"] == 5


def test_one_lead_s_own_retries_open_nothing(leads: Leads, database_url: str, customer: Customer) -> None:
    customer.answer_always(Answer(500))
    retry = {"maxRetries": 20, "initialDelay": "1s", "factor": 1, "maxDelay": "1s"}
    lead_id = leads.put_one()

    with running_pump(database_url, a_compiled_route(customer.url, retry=retry)) as running:
        for number in range(1, 22):
            customer.wait_for(number)
            leads.ask("UPDATE lead_state SET due_at = now() WHERE status = 'FAILED'")
            running.wake()
        leads.until("PERMANENTLY_FAILED", lead_id, within=WITHIN)

    assert len(customer.received) == 21
    assert leads.ask("SELECT * FROM breaker_opening") == []


def test_a_customer_that_refuses_leads_is_there_and_is_not_left_alone(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    customer.answer_always(Answer(400))
    leads.put(60)

    with running_pump(database_url, a_route(customer)):
        leads.until_all({"PERMANENTLY_FAILED": 60}, within=WITHIN)

    assert leads.ask("SELECT * FROM breaker_opening") == []


def test_a_customer_that_fails_for_one_lead_in_five_is_not_left_alone(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    def one_in_five(received: Received) -> Answer:
        return Answer(500 if received.json["customer_email"].startswith("bad") else 200, after=0.05)

    customer.answer_by(one_in_five)
    for number in range(100):
        leads.put_one(lead=LEAD | {"email": f"{'bad' if number % 5 == 0 else 'good'}{number}@example.com"})

    with running_pump(database_url, a_route(customer)):
        leads.until_all({"DELIVERED": 80, "FAILED": 20}, within=WITHIN)

    assert leads.ask("SELECT * FROM breaker_opening") == []


def test_an_open_breaker_outlives_the_worker_and_holds_for_all_workers(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    customer.answer_always(Answer(500, after=0.2))
    leads.put(300)
    with running_pump(database_url, a_route(customer)) as running:
        until_open(leads, running)
    sent = len(customer.received)
    other = leads.put_one(route="default/other")

    with running_pump(database_url, a_route(customer), a_route(customer, name="other"), worker="worker-2") as second:
        eventually(lambda: second.pump.open_breakers.keys() == {"default/solar"}, what="that it knows of the breaker")
        leads.until("FAILED", other)

    assert len(customer.received) == sent + 1


def test_the_metrics_tell_which_breakers_are_open(leads: Leads, database_url: str, customer: Customer) -> None:
    def state() -> float | None:
        return REGISTRY.get_sample_value("leadgateway_breaker_state", {"route": "default/measured"})

    customer.answer_always(Answer(500, after=0.2))
    route = a_route(customer, name="measured")
    leads.put(100, route=route.key)

    with running_pump(database_url, route) as running:
        until_open(leads, running)
        eventually(lambda: state() == 1, within=WITHIN, what="that it shows as open")
        until_nothing_is_in_flight(leads)
        customer.answer_always(Answer(after=3))
        leads.ask(PROBE_NOW)
        running.wake()
        eventually(lambda: state() == 2, within=WITHIN, what="that it shows as probing")
        eventually(lambda: state() is None, within=WITHIN, what="that it shows no longer")
