"""Reading: a lead's story, and what waits."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from leadgateway.store.backlog import RouteWaiting, backlog, still_waiting, waiting_by_route, waiting_of, waiting_routes
from leadgateway.store.claims import Claim
from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows
from leadgateway.store.story import lead_story, leads_with_correlation_id
from tests.building.stored_leads import BODY, ROUTE, Worker, let_leases_run_out, new_lead, stored


def ready(worker: Worker) -> Claim:
    """One of several leads that are due, ready to be sent."""
    [lead] = worker.claim(1)
    worker.mark_ready([lead])
    return lead


def test_an_unknown_lead_has_no_story(connection: Connection) -> None:
    assert lead_story(connection, 1) is None


def test_a_story_can_be_read_again_and_again_over_one_connection(connection: Connection) -> None:
    [lead_id] = stored(connection)

    assert lead_story(connection, lead_id) == lead_story(connection, lead_id)
    assert rows(connection, "SELECT current_setting('transaction_isolation')") == [("read committed",)]


def test_what_a_story_shows_of_itself_in_a_log_is_no_lead_content(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection, new_lead(headers={"x": "marked"}, body=b'{"x": "marked"}'))
    worker.fail(worker.claim_ready())

    story = lead_story(connection, lead_id)

    assert "marked" not in repr(story)
    assert "user@example.com" not in repr(story)


def test_leads_are_found_by_their_correlation_id(connection: Connection) -> None:
    shared = uuid4()
    first, _, third = stored(connection, new_lead(correlation_id=shared), new_lead(), new_lead(correlation_id=shared))

    assert leads_with_correlation_id(connection, shared) == [first, third]
    assert leads_with_correlation_id(connection, uuid4()) == []


def test_people_at_psql_find_an_overview(connection: Connection, worker: Worker) -> None:
    stored(connection)
    worker.fail(worker.claim_ready())

    overview = "SELECT status, route, arrived_at_route, attempts, last_attempt, last_response_status FROM lead_overview"

    assert rows(connection, overview) == [("FAILED", ROUTE, None, 1, "status", 500)]
    assert BODY.decode() not in str(rows(connection, "SELECT * FROM lead_overview"))


def test_the_backlog_counts_what_waits_by_route(connection: Connection, worker: Worker) -> None:
    stored(connection, count=2)
    worker.fail(ready(worker), delay=timedelta(hours=1))
    stored(connection, new_lead(route="default/b"), new_lead(route="default/a"))

    a, b, solar = backlog(connection)

    assert (a.route, a.waiting, a.due) == ("default/a", 1, 1)
    assert (b.route, b.waiting, b.due, b.next_due_at) == ("default/b", 1, 1, None)
    assert (solar.route, solar.waiting, solar.due) == (ROUTE, 2, 1)
    assert solar.oldest_due_at is not None
    assert solar.next_due_at is not None
    assert solar.next_due_at > solar.oldest_due_at


def test_people_are_told_the_same_of_what_waits(connection: Connection, worker: Worker) -> None:
    stored(connection, count=2)
    worker.fail(ready(worker), delay=timedelta(hours=1))
    stored(connection, new_lead(route="default/a"))
    told = [(one.route, one.waiting, one.due, one.oldest_due_at, one.next_due_at) for one in backlog(connection)]

    waiting = waiting_by_route(connection)

    assert [(one.route, one.waiting, one.due, one.oldest_due_at, one.next_due_at) for one in waiting] == told
    assert waiting_of(connection, ROUTE) == waiting[1]
    assert waiting_of(connection, "default/none") == RouteWaiting("default/none")


def test_nothing_waits_in_an_empty_database(connection: Connection) -> None:
    assert (backlog(connection), list(waiting_routes(connection).oldest)) == ([], [])


def test_routes_with_waiting_leads_are_named_whether_anybody_knows_them_or_not(
    connection: Connection, worker: Worker
) -> None:
    stored(connection, *(new_lead(route=f"default/{letter}") for letter in "bca" * 3))
    stored(connection)
    worker.deliver(worker.claim_ready())

    assert list(waiting_routes(connection).oldest) == ["default/a", "default/b", "default/c"]


def test_a_route_is_claimable_while_it_has_a_lead_that_is_due_and_in_nobodys_hands(
    connection: Connection, worker: Worker
) -> None:
    stored(connection, count=2)
    [in_hand] = worker.claim(1)
    assert claimable(connection) == {ROUTE}

    failed = worker.claim_ready()
    assert claimable(connection) == set()

    worker.fail(failed, delay=timedelta(hours=1))
    assert claimable(connection) == set()

    let_leases_run_out(connection)
    assert claimable(connection) == {ROUTE}
    assert [lead.lead_id for lead in worker.claim()] == [in_hand.lead_id]


def claimable(connection: Connection) -> set[str]:
    """The routes that either way of looking calls claimable: both must say the same."""
    waiting = waiting_routes(connection)
    assert still_waiting(connection, waiting.oldest).claimable == waiting.claimable
    return set(waiting.claimable)
