"""Every arrow of the status diagram, through real processes: two webhooks, a worker, PostgreSQL, Valkey, a customer.

Each test posts over HTTP, looks at what the customer received, and checks every row of the audit.
"""

from __future__ import annotations

import getpass
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import pytest

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.dev.valkey import EmbeddedValkey
from leadgateway.route.snapshot import Credentials
from tests.building.customer import Answer, Behaviour, Customer, Drip, Drop, Received, Silence
from tests.building.databases import fresh_database
from tests.building.routes import RouteToPublish, a_lead, a_spec, publish_routes
from tests.building.waiting import eventually
from tests.building.webhook import WebhookProcess
from tests.building.worker import WorkerProcess

TOKEN = "customer-token"
RETRIES = {"maxRetries": 2, "initialDelay": "100ms", "factor": 2, "maxDelay": "1s"}

DELIVERED = ["RECEIVED", "READY", "DELIVERED"]
RETRIED = ["RECEIVED", "READY", "FAILED", "READY", "DELIVERED"]
EXHAUSTED = ["RECEIVED", "READY", *["FAILED", "READY"] * 2, "FAILED", "PERMANENTLY_FAILED"]
REFUSED = ["RECEIVED", "READY", "PERMANENTLY_FAILED"]


@dataclass
class Gateway:
    """The running processes, and what a lead source, a customer and a person at the command line see of them."""

    webhooks: list[WebhookProcess]
    worker: WorkerProcess
    customer: Customer
    database: str
    config: Path
    behaviours: dict[str, list[Behaviour]] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def decide(self, request: Received) -> Behaviour:
        """What the customer does with a lead: as its test asked for, 200 afterwards."""
        waiting = self.behaviours.get(request.json["customer_street"], [])
        return waiting.pop(0) if waiting else Answer(200, b'{"ok": true}')

    def post(self, *behaviours: Behaviour, route: str = "", **changes: Any) -> tuple[int, str]:
        """Post a lead that the customer will treat like this; returns its id and its mark."""
        number = next(self.numbers)
        mark = f"street-{number}"
        self.behaviours[mark] = list(behaviours)
        lead = a_lead(address={"zip": "66123", "street": mark}) | changes
        answer = httpx.post(f"{self.webhooks[number % 2].leads}{route}", json=lead, timeout=30)
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "accepted"
        return int(answer.json()["lead_id"]), mark

    def requests(self, mark: str) -> list[Received]:
        return [request for request in self.customer.received if request.json["customer_street"] == mark]

    def call(self, *arguments: str, status: int = 0) -> str:
        """Run `leadgateway` as a person does."""
        called = subprocess.run(
            [sys.executable, "-m", "leadgateway", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=os.environ | {"DATABASE_URL": self.database},
        )
        assert called.returncode == status, called.stderr
        return called.stdout + called.stderr

    def story(self, lead_id: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.call("lead", "show", str(lead_id), "-o", "json"))
        return found

    def status(self, lead_id: int) -> str:
        with psycopg2.connect(self.database) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT status FROM lead_state WHERE lead_id = %s", (lead_id,))
            found = cursor.fetchone()
        connection.close()
        return str(found[0]) if found else ""

    def until(self, status: str, lead_id: int) -> dict[str, Any]:
        eventually(lambda: self.status(lead_id) == status, what=f"lead {lead_id} being {status}", within=30)
        story = self.story(lead_id)
        check_audit(story)
        return story


def path(story: dict[str, Any]) -> list[str]:
    return [transition["to"] for transition in story["transitions"]]


def check_audit(story: dict[str, Any]) -> None:
    """Whatever happened: the states form a chain without gaps, numbered and in time, and attempts are numbered."""
    transitions, attempts = story["transitions"], story["attempts"]
    assert [transition["seq"] for transition in transitions] == list(range(1, len(transitions) + 1))
    assert transitions[0]["from"] is None
    for before, after in itertools.pairwise(transitions):
        assert after["from"] == before["to"]
        assert datetime.fromisoformat(after["at"]) >= datetime.fromisoformat(before["at"])
    assert transitions[-1]["to"] == story["status"]
    assert transitions[0]["actor"] == "webhook"
    assert all(transition["actor"].startswith(("webhook", "worker:", "person:")) for transition in transitions)
    assert [attempt["number"] for attempt in attempts] == list(range(1, len(attempts) + 1))
    for attempt in attempts:
        assert attempt["duration_ms"] >= 0
        assert attempt["config_hash"]
        assert attempt["request_body"]["customer_email"] == "erika.muster@example.com"
    tries = [transition for transition in transitions if transition["to"] in {"DELIVERED", "FAILED"}]
    assert len(attempts) >= len(tries)


@pytest.fixture(scope="module")
def gateway(
    postgres_server: EmbeddedPostgres,
    migrated_template: str,
    valkey_server: EmbeddedValkey,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    config = tmp_path_factory.mktemp("config")
    with ExitStack() as running:
        database = running.enter_context(fresh_database(postgres_server, "end_to_end", template=migrated_template))
        customer = running.enter_context(Customer())
        publish_routes(config, *routes(customer.url))
        servers = {"database": database, "redis": valkey_server.url}
        webhooks = [running.enter_context(WebhookProcess(config, **servers)) for _ in range(2)]
        worker = running.enter_context(WorkerProcess(config, **servers, LEADGATEWAY_WORKER_SWEEP_SECONDS="1"))
        worker.until_ready()
        found = Gateway([webhook.until_ready() for webhook in webhooks], worker, customer, database, config)
        customer.answer_by(found.decide)
        yield found


def routes(url: str) -> list[RouteToPublish]:
    """The solar route, one that is paused, and one whose customer gets little time."""
    token = {"name": "solar", "key": "token"}
    endpoint = {"url": url, "token": token, "allowPrivateNetworks": True}
    credentials = Credentials(token=TOKEN)
    return [
        RouteToPublish("solar", a_spec(default=True, retry=RETRIES, endpoint=endpoint), credentials),
        RouteToPublish("hurried", a_spec(retry=RETRIES, endpoint=endpoint | {"timeout": "400ms"}), credentials),
        RouteToPublish("paused", a_spec(retry=RETRIES, endpoint=endpoint, paused=True), credentials),
    ]


def test_a_good_lead_is_delivered_once_with_everything_the_customer_needs(gateway: Gateway) -> None:
    lead_id, mark = gateway.post()

    story = gateway.until("DELIVERED", lead_id)

    (request,) = gateway.requests(mark)
    assert request.method == "POST"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["x-correlation-id"] == story["correlation_id"]
    assert request.json == {
        "customer_email": "erika.muster@example.com",
        "customer_zip": "66123",
        "customer_street": mark,
        "is_homeowner": True,
        "phone": "0681 123456",
        "product": {"name": "Solaranlage"},
    }
    assert path(story) == DELIVERED
    (attempt,) = story["attempts"]
    assert attempt["response_status"] == 200
    assert attempt["response_body"] == '{"ok": true}'
    assert attempt["request_body"] == request.json
    assert attempt["idempotency_key"] == request.idempotency_key
    assert TOKEN not in json.dumps(story)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"address": {"zip": "12345"}}, "ZIP_NOT_66XXX"),
        ({"house": {"is_owner": False}}, "NOT_HOMEOWNER"),
        ({"house": {}}, "MISSING_REQUIRED_FIELD"),
        ({"phone": None}, "MISSING_REQUIRED_FIELD"),
    ],
)
def test_a_lead_that_fails_a_rule_or_lacks_a_required_target_is_rejected_and_never_sent(
    gateway: Gateway, changes: dict[str, Any], code: str
) -> None:
    before = len(gateway.customer.received)
    lead_id, _ = gateway.post(**changes)

    story = gateway.until("REJECTED", lead_id)

    assert path(story) == ["RECEIVED", "REJECTED"]
    assert story["reject_code"] == story["transitions"][-1]["code"] == code
    assert story["attempts"] == []
    assert len(gateway.customer.received) == before


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Answer(500, b"busy"), "status"),
        (Answer(503), "status"),
        (Drop(), "network"),
        (Drop(b"HTTP/1.1 200"), None),
    ],
)
def test_a_passing_failure_is_retried_with_the_same_key_and_body(
    gateway: Gateway, behaviour: Behaviour, kind: str | None
) -> None:
    lead_id, mark = gateway.post(behaviour)

    story = gateway.until("DELIVERED", lead_id)

    first, second = gateway.requests(mark)
    assert path(story) == RETRIED
    assert first.idempotency_key == second.idempotency_key
    assert first.body == second.body
    assert second.at - first.at >= 0.1, "not before its time"
    assert [attempt["kind"] for attempt in story["attempts"]][1] == "delivered"
    if kind == "status":
        assert story["attempts"][0]["response_status"] in {500, 503}
    else:
        assert story["attempts"][0]["response_status"] is None
        assert story["attempts"][0]["error"]


@pytest.mark.parametrize("behaviour", [Silence(), Drip(interval=0.05)])
def test_a_customer_that_takes_too_long_is_a_timeout_and_tried_again(gateway: Gateway, behaviour: Behaviour) -> None:
    lead_id, _ = gateway.post(behaviour, route="hurried")

    story = gateway.until("DELIVERED", lead_id)

    assert path(story) == RETRIED
    assert story["attempts"][0]["kind"] == "timeout"
    assert 400 <= story["attempts"][0]["duration_ms"] < 4000


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 301])
def test_any_other_status_ends_it_at_once(gateway: Gateway, status: int) -> None:
    lead_id, mark = gateway.post(Answer(status, b"no", headers={"Location": "http://127.0.0.1:1/"}))

    story = gateway.until("PERMANENTLY_FAILED", lead_id)

    assert path(story) == REFUSED
    assert len(gateway.requests(mark)) == 1
    assert story["attempts"][0]["response_status"] == status
    assert story["attempts"][0]["response_body"] == "no"


def test_used_up_retries_end_it_and_a_replay_begins_a_new_round_with_a_new_key(gateway: Gateway) -> None:
    lead_id, mark = gateway.post(*[Answer(500)] * 3)
    failed = gateway.until("PERMANENTLY_FAILED", lead_id)
    assert path(failed) == EXHAUSTED
    assert failed["transitions"][-1]["code"] == "RETRIES_EXHAUSTED"
    assert len(gateway.requests(mark)) == 3

    gateway.call("lead", "replay", str(lead_id), "--reason", "the customer is back")
    story = gateway.until("DELIVERED", lead_id)

    *tried, last = gateway.requests(mark)
    assert path(story) == [*EXHAUSTED, *DELIVERED]
    assert len({request.idempotency_key for request in tried}) == 1
    assert last.idempotency_key != tried[0].idempotency_key
    replayed = story["transitions"][len(EXHAUSTED)]
    assert replayed["actor"] == f"person:{getpass.getuser()}"
    assert replayed["detail"] == {"reason": "the customer is back"}


def test_a_rejected_lead_can_be_replayed_once_the_route_takes_it(gateway: Gateway) -> None:
    lead_id, _ = gateway.post(house={"is_owner": False})
    gateway.until("REJECTED", lead_id)

    gateway.call("lead", "replay", str(lead_id), "--actor", "erika")
    eventually(lambda: len(gateway.story(lead_id)["transitions"]) == 4, what="being judged again")

    story = gateway.until("REJECTED", lead_id)
    assert path(story) == ["RECEIVED", "REJECTED"] * 2
    assert story["transitions"][2]["actor"] == "person:erika"


def test_leads_of_a_paused_route_wait_and_a_person_can_reject_or_move_them(gateway: Gateway) -> None:
    turned_down, mark = gateway.post(route="paused")
    moved, moved_mark = gateway.post(route="paused")

    gateway.call("lead", "reject", str(turned_down), "--code", "BY_HAND", "--actor", "erika")
    gateway.call("lead", "move", str(moved), "--route", "default/solar", "--actor", "erika")
    rejected = gateway.until("REJECTED", turned_down)
    story = gateway.until("DELIVERED", moved)

    assert path(rejected) == ["RECEIVED", "REJECTED"]
    assert rejected["reject_code"] == "BY_HAND"
    assert gateway.requests(mark) == []
    assert story["route"] == "default/solar"
    assert story["arrived_at_route"] == "default/paused"
    assert len(gateway.requests(moved_mark)) == 1
    assert any(transition["code"] == "MOVED" for transition in story["transitions"])


def test_leads_of_a_deleted_route_wait_visibly_until_it_returns_or_a_person_acts(gateway: Gateway) -> None:
    posted = [gateway.post(route="paused") for _ in range(3)]
    (waiting, waiting_mark), (moved, _), (turned_down, rejected_mark) = posted
    solar, hurried, paused = routes(gateway.customer.url)
    publish_routes(gateway.config, solar, hurried)
    try:
        eventually(lambda: gateway.worker.metric("leadgateway_worker_unknown_routes") == 1, what="being counted")
        gateway.call("lead", "move", str(moved), "--route", "default/solar")
        gateway.call("lead", "reject", str(turned_down), "--code", "ROUTE_DELETED")
        gateway.until("DELIVERED", moved)
        gateway.until("REJECTED", turned_down)
        assert gateway.status(waiting) == "RECEIVED"
        assert gateway.requests(waiting_mark) == []

        returned = RouteToPublish("paused", paused.spec | {"paused": False}, paused.credentials)
        publish_routes(gateway.config, solar, hurried, returned)
        gateway.until("DELIVERED", waiting)
        eventually(lambda: gateway.worker.metric("leadgateway_worker_unknown_routes") == 0, what="the end of it")
    finally:
        publish_routes(gateway.config, solar, hurried, paused)

    assert len(gateway.requests(waiting_mark)) == 1
    assert gateway.requests(rejected_mark) == []


def test_what_a_person_may_not_do_is_refused_with_the_reason(gateway: Gateway) -> None:
    lead_id, _ = gateway.post()
    gateway.until("DELIVERED", lead_id)

    said = gateway.call("lead", "replay", str(lead_id), status=1)
    gone = gateway.call("lead", "show", "999999999", status=1)

    assert f"lead {lead_id}: refused: it is DELIVERED" in said
    assert "There is no lead 999999999" in gone


def test_a_story_for_people_shows_each_step(gateway: Gateway) -> None:
    lead_id, mark = gateway.post(Answer(500, b"[bold]busy[/]\x1b[31m"))
    gateway.until("DELIVERED", lead_id)

    text = gateway.call("lead", "show", str(lead_id))

    for expected in ("RECEIVED", "READY", "FAILED", "DELIVERED", "attempt 1", "attempt 2", mark, "[bold]busy[/]"):
        assert expected in text
    assert "\x1b[31m" not in text


def test_a_changed_rule_judges_the_next_lead(gateway: Gateway) -> None:
    berlin: dict[str, Any] = {"address": {"zip": "10115", "street": "berlin"}}
    first, _ = gateway.post(**berlin)
    gateway.until("REJECTED", first)

    solar, *others = routes(gateway.customer.url)
    rules = [{"code": "ZIP_NOT_10XXX", "field": "address.zip", "matches": r"10\d{3}"}]
    changed = RouteToPublish("solar", solar.spec | {"validation": {"rules": rules}}, solar.credentials)
    publish_routes(gateway.config, changed, *others)
    try:

        def delivered() -> bool:
            lead_id, _ = gateway.post(**berlin)
            eventually(lambda: gateway.status(lead_id) in {"DELIVERED", "REJECTED"})
            return gateway.status(lead_id) == "DELIVERED"

        eventually(delivered, within=9, what="a lead judged by the new rule (aim: 3 s)")
    finally:
        publish_routes(gateway.config, solar, *others)
