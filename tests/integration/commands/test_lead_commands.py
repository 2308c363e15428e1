"""`leadgateway lead`: a lead's whole story, and what people do to leads, over a real database."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import redis

from leadgateway.commands.lead_story import as_json
from leadgateway.queue import QUEUE_NAME
from leadgateway.store.breaker import Tally, open_breaker
from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows
from leadgateway.store.retention import remove
from leadgateway.store.story import lead_story
from tests.building.command_line import Called, leadgateway
from tests.building.stored_leads import CONFIG, ROUTE, Worker, new_lead, status_of, store_engine, stored, twin

FOUND, NEGATIVE, USAGE, UNAVAILABLE = 0, 1, 2, 3


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    engine = store_engine(database_url, pool_size=1)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


class Shell:
    """Calls `leadgateway lead …` with the database in the environment."""

    def __init__(self, database_url: str) -> None:
        self.environment = {"DATABASE_URL": database_url}

    def __call__(self, *arguments: str | int, **more: str) -> Called:
        return leadgateway("lead", *map(str, arguments), environment=self.environment | more)

    def story(self, lead_id: int) -> dict[str, Any]:
        called = self("show", lead_id, "-o", "json")
        assert called.status == FOUND, called.error
        found = json.loads(called.out)
        assert isinstance(found, dict)
        return found


@pytest.fixture
def lead(database_url: str) -> Shell:
    return Shell(database_url)


def failed_for_good(connection: Connection) -> int:
    """Store a lead that failed once and was delivered never."""
    (lead_id,) = stored(connection)
    worker = Worker(connection)
    worker.fail(worker.claim_ready())
    rows(connection, "UPDATE lead_state SET due_at = now() - interval '1 s' WHERE lead_id = %(id)s", {"id": lead_id})
    return lead_id


def test_a_lead_that_waits_for_a_customer_who_is_down_is_told_so(lead: Shell, connection: Connection) -> None:
    (lead_id,) = stored(connection)
    open_breaker(connection, Tally(ROUTE, attempts=24, failures=23, leads=10), worker="w1")

    told = lead("show", lead_id).out
    [opening] = lead.story(lead_id)["breaker_openings"]

    assert "waits: the customer is down (open circuit breaker); one lead is tried at " in told
    assert "23 of 24 attempts for 10 leads or more had failed" in told
    assert opening["closed_at"] is None
    assert opening["probe_at"] > opening["opened_at"]


def test_openings_that_ended_before_a_lead_came_are_no_part_of_its_story(lead: Shell, connection: Connection) -> None:
    open_breaker(connection, Tally(ROUTE, attempts=24, failures=23, leads=10), worker="w1")
    rows(connection, "UPDATE breaker_opening SET closed_at = now(), closed_by = 'w1'")
    (lead_id,) = stored(connection)
    worker = Worker(connection)
    worker.deliver(worker.claim_ready())
    open_breaker(connection, Tally(ROUTE, attempts=24, failures=23, leads=10), worker="w1")

    assert lead.story(lead_id)["breaker_openings"] == []


def test_a_delivered_lead_is_told_whole_in_json(lead: Shell, connection: Connection) -> None:
    (lead_id,) = stored(connection, new_lead(correlation_id=UUID(int=7)))
    worker = Worker(connection)
    worker.fail(worker.claim_ready())
    worker.deliver(worker.claim_ready())

    story = lead.story(lead_id)

    assert {
        "lead_id": lead_id,
        "correlation_id": str(UUID(int=7)),
        "route": ROUTE,
        "status": "DELIVERED",
        "reject_code": None,
        "body": {"email": "user@example.com", "address": {"zip": "66123"}},
        "headers": {"content-type": "application/json"},
    }.items() <= story.items()
    assert [(each["from"], each["to"], each["actor"]) for each in story["transitions"]] == [
        (None, "RECEIVED", "webhook"),
        ("RECEIVED", "READY", "worker:w1"),
        ("READY", "FAILED", "worker:w1"),
        ("FAILED", "READY", "worker:w1"),
        ("READY", "DELIVERED", "worker:w1"),
    ]
    first, second = story["attempts"]
    assert (first["number"], first["response_status"], first["error"]) == (1, 500, "the customer answered 500")
    assert (second["number"], second["response_status"], second["error"]) == (2, 200, None)
    assert second["duration_ms"] == 12
    assert second["started_at"] >= first["started_at"]
    assert second["request_body"] == {"customer_email": "user@example.com"}
    assert second["idempotency_key"] == first["idempotency_key"]
    assert second["config_hash"] == CONFIG
    assert story["omitted"] == {"1": {"phone": "missing"}}
    assert "response_body" in second


def test_a_rejected_lead_is_told_with_its_code(lead: Shell, connection: Connection) -> None:
    (lead_id,) = stored(connection)
    worker = Worker(connection)
    worker.reject(worker.claim_one(), "NOT_HOMEOWNER")

    story = lead.story(lead_id)

    assert (story["status"], story["reject_code"], story["attempts"]) == ("REJECTED", "NOT_HOMEOWNER", [])
    assert "REJECTED (NOT_HOMEOWNER)" in lead("show", lead_id).out


def test_a_duplicate_is_told_with_the_lead_that_it_repeats(lead: Shell, connection: Connection) -> None:
    from leadgateway.store.intake import store_batch

    (lead_id,) = stored(connection, twin())
    store_batch(connection, [twin(body=b'{"again": true}')])

    story = lead.story(lead_id)

    assert [repeat["body"] for repeat in story["duplicates"]] == [{"again": True}]
    assert "came again" in lead("show", lead_id).out


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"a": "\\u0000 \\ud800"}', {"a": "\x00 \ud800"}),
        (b'{"big": 123456789012345678901234567890}', {"big": 123456789012345678901234567890}),
        (b"not \xff JSON", "not \\xff JSON"),
    ],
)
def test_any_body_is_told(lead: Shell, connection: Connection, body: bytes, told: Any) -> None:
    (lead_id,) = stored(connection, new_lead(body=body))

    assert lead.story(lead_id)["body"] == told
    assert lead("show", lead_id).status == FOUND


def test_nothing_of_a_lead_or_an_answer_can_steer_the_terminal(lead: Shell, connection: Connection) -> None:
    hostile = "\x1b[31mred\x07 [bold]x[/bold] [/] \u202e"
    body = json.dumps({hostile: [hostile]}).encode()
    (lead_id,) = stored(connection, new_lead(body=body, headers={"user-agent": hostile}))

    shown = lead("show", lead_id).out

    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown
    assert "[bold]x[/bold] [/]" in shown


def test_the_text_tells_the_steps_in_order_with_payload_and_key(lead: Shell, connection: Connection) -> None:
    (lead_id,) = stored(connection)
    worker = Worker(connection)
    worker.fail(worker.claim_ready())
    worker.deliver(worker.claim_ready())

    shown = lead("show", lead_id).out

    steps = ["RECEIVED", "READY", "attempt 1", "FAILED", "attempt 2", "DELIVERED", "Payload of round 1"]
    story = lead_story(connection, lead_id)
    assert story is not None
    places = [shown.index(step, shown.index("RECEIVED")) for step in steps]
    assert places == sorted(places)
    assert as_json(story)["attempts"][0]["idempotency_key"] in shown
    assert "left out: phone (missing)" in shown


def test_removed_contents_are_told_with_when_and_by_what(lead: Shell, connection: Connection) -> None:
    (lead_id,) = stored(connection)
    Worker(connection).reject(Worker(connection).claim_one())
    rows(connection, "UPDATE lead_state SET ended_at = now() - interval '91 d', updated_at = now() - interval '91 d'")
    remove(connection, "contents", route=ROUTE, older_than=timedelta(days=90))

    story, shown = lead.story(lead_id), lead("show", lead_id).out

    assert (story["body"], story["contents_removed_by"]) == (None, "retention")
    assert f"contents removed by retention on {story['contents_removed_at']}" in shown
    assert "Body as posted" not in shown
    refused = lead("replay", lead_id)
    assert (refused.status, "contents were removed" in refused.error) == (NEGATIVE, True)


@pytest.mark.parametrize("command", [["show"], ["replay"], ["reject"], ["move", "--route=default/x"]])
def test_a_lead_that_is_not_there_is_a_no(lead: Shell, command: list[str]) -> None:
    called = lead(*command, 4711)

    assert called.status == NEGATIVE
    assert "4711" in called.error
    assert "there is no" in called.error.lower()


@pytest.mark.parametrize("lead_id", ["0", "-1", "abc", str(2**63)])
def test_what_can_be_no_id_is_a_usage_error(lead: Shell, lead_id: str) -> None:
    assert lead("show", "--", lead_id).status == USAGE


def test_a_replay_begins_anew_and_is_recorded_with_who_and_why(lead: Shell, connection: Connection) -> None:
    (lead_id,) = stored(connection)
    worker = Worker(connection)
    worker.reject(worker.claim_one())

    called = lead("replay", lead_id, "--actor", "ada", "--reason", "the rule was wrong")

    assert called == Called(FOUND, f"lead {lead_id}: sent through again\n", "")
    last = lead.story(lead_id)["transitions"][-1]
    assert (last["from"], last["to"], last["actor"]) == ("REJECTED", "RECEIVED", "person:ada")
    assert last["detail"]["reason"] == "the rule was wrong"


def test_a_rejection_is_recorded_with_the_code_and_the_account(lead: Shell, connection: Connection) -> None:
    (lead_id,) = stored(connection)

    assert lead("reject", lead_id, "--code", "WRONG_REGION").status == FOUND

    story = lead.story(lead_id)
    assert (story["status"], story["reject_code"]) == ("REJECTED", "WRONG_REGION")
    assert story["transitions"][-1]["actor"] == f"person:{getpass.getuser()}"


def test_an_account_without_a_name_is_recorded_by_its_number(
    lead: Shell, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(getpass, "getuser", nameless)
    (lead_id,) = stored(connection)

    lead("reject", lead_id)

    assert lead.story(lead_id)["transitions"][-1]["actor"] == f"person:uid {os.getuid()}"


def test_a_moved_lead_is_on_the_other_route_and_its_story_says_where_it_came(
    lead: Shell, connection: Connection
) -> None:
    (lead_id,) = stored(connection)

    called = lead("move", lead_id, "--route", "sales/heat")

    assert called.out == f"lead {lead_id}: moved to sales/heat\n"
    story = lead.story(lead_id)
    assert (story["route"], story["arrived_at_route"], story["status"]) == ("sales/heat", ROUTE, "RECEIVED")


def test_of_several_leads_each_is_answered_for(lead: Shell, connection: Connection) -> None:
    waiting, delivered = stored(connection, count=2)
    worker = Worker(connection)
    claimed = {claim.lead_id: claim for claim in worker.claim()}
    worker.mark_ready([claimed[delivered]])
    worker.deliver(claimed[delivered])
    worker.reject(claimed[waiting])

    called = lead("replay", waiting, delivered)

    assert called.status == NEGATIVE
    assert called.out == f"lead {waiting}: sent through again\n"
    assert f"lead {delivered}: refused: it is DELIVERED" in called.error


def test_a_script_is_told_in_json_what_was_done_and_what_was_refused(lead: Shell, connection: Connection) -> None:
    (waiting,) = stored(connection)

    rejected = lead("reject", waiting, 4711, "-o", "json")
    replayed = lead("replay", waiting, "-o", "json")
    moved = lead("move", waiting, "--route", "sales/heat", "-o", "json")

    assert (rejected.status, replayed.status, moved.status) == (NEGATIVE, FOUND, FOUND)
    assert json.loads(rejected.out) == {"done": [waiting], "refused": {"4711": "there is no such lead"}}
    assert json.loads(replayed.out) == json.loads(moved.out) == {"done": [waiting], "refused": {}}


def test_acting_wakes_the_workers(lead: Shell, connection: Connection, valkey_url: str) -> None:
    lead_id = failed_for_good(connection)

    lead("move", lead_id, "--route=default/x", REDIS_URL=valkey_url)

    with redis.Redis.from_url(valkey_url) as client:
        assert client.llen(f"rq:queue:{QUEUE_NAME}") == 1


def test_acting_needs_no_redis(lead: Shell, connection: Connection) -> None:
    (lead_id,) = stored(connection)

    assert lead("reject", lead_id, REDIS_URL="unix:///nowhere/valkey.sock").status == FOUND
    assert status_of(connection, lead_id) == "REJECTED"


@pytest.mark.parametrize("code", ["lower", "1X", "", "A B", "Ä", "X" * 65, "_"])
def test_a_code_that_no_rule_could_have_is_a_usage_error(lead: Shell, code: str) -> None:
    called = lead("reject", 1, "--code", code)

    assert called.status == USAGE
    assert "--code" in called.error


@pytest.mark.parametrize("route", ["heat", "/heat", "sales/", "a/b/c"])
def test_a_route_that_is_no_key_is_a_usage_error(lead: Shell, route: str) -> None:
    called = lead("move", 1, "--route", route)

    assert called.status == USAGE
    assert "NAMESPACE/NAME" in called.error


@pytest.mark.parametrize("arguments", [["show", "1"], ["replay", "1"]])
def test_a_database_that_is_away_is_told_with_what_to_look_at(arguments: list[str]) -> None:
    called = leadgateway("lead", *arguments, environment={"DATABASE_URL": "postgresql:///x?host=/nowhere"})

    assert called.status == UNAVAILABLE
    assert "/nowhere" in called.error
    assert "DATABASE_URL" in called.error


def test_a_database_without_the_schema_is_told(empty_database_url: str) -> None:
    called = leadgateway("lead", "show", "1", environment={"DATABASE_URL": empty_database_url})

    assert called.status == NEGATIVE
    assert "a table, column or permission is missing" in called.error
