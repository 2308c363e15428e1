"""The demo customer: checks the token, answers what the lead asks for, and lists what it received."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from leadgateway.dev.demo_customer import TOKEN
from leadgateway.dev.ports import HOST, free_port
from leadgateway.dev.stack import answers_well
from tests.building.waiting import eventually

AUTHORISED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def customer() -> Iterator[httpx.Client]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "leadgateway.dev.demo_customer", f"--port={port}"])
    try:
        eventually(lambda: answers_well(port, "/healthz"), what="the demo customer")
        with httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False) as client:
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def deliver(customer: httpx.Client, lead: object, *, key: str = "k", **headers: str) -> int:
    sent = AUTHORISED | {"Idempotency-Key": key} | headers
    return customer.post("/lead/receive", json=lead, headers=sent).status_code


def test_a_lead_with_the_token_is_taken_and_listed_with_its_headers(customer: httpx.Client) -> None:
    assert deliver(customer, {"phone": "0681", "straße": "ß"}, key="first") == 200

    last = customer.get("/requests").json()[-1]

    assert last["body"] == {"phone": "0681", "straße": "ß"}
    assert last["headers"]["Authorization"] == f"Bearer {TOKEN}"
    assert last["headers"]["Idempotency-Key"] == "first"
    assert (last["method"], last["path"], last["answer"]) == ("POST", "/lead/receive", 200)


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic x", TOKEN, "Bearer", "Bearer ü"])
def test_a_wrong_token_is_refused_and_the_attempt_listed(customer: httpx.Client, header: str) -> None:
    answer = customer.post("/lead/receive", json={}, headers={b"Authorization": header.encode()})

    assert answer.status_code == 401
    assert customer.get("/requests").json()[-1]["answer"] == 401


def test_a_missing_token_is_refused(customer: httpx.Client) -> None:
    assert customer.post("/lead/receive", json={}).status_code == 401


def test_a_marked_lead_fails_as_often_as_it_says_counted_for_each_delivery(customer: httpx.Client) -> None:
    lead = {"customer_email": "ben+fail-2-times@example.com"}

    assert [deliver(customer, lead, key="a") for _ in range(4)] == [500, 500, 200, 200]
    assert [deliver(customer, lead, key="b") for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize("status", [201, 302, 400, 403, 503])
def test_a_marked_lead_is_answered_with_the_status_it_says(customer: httpx.Client, status: int) -> None:
    assert deliver(customer, {"product": {"name": f"answer-{status}"}}) == status


def test_a_marked_lead_is_answered_as_late_as_it_says(customer: httpx.Client) -> None:
    with pytest.raises(httpx.ReadTimeout):
        customer.post("/lead/receive", json={"street": "slow-5-seconds"}, headers=AUTHORISED, timeout=0.2)


def test_what_is_no_json_is_answered_400_and_listed_as_text(customer: httpx.Client) -> None:
    answer = customer.post("/lead/receive", content=b"\xff{", headers=AUTHORISED)

    assert answer.status_code == 400
    assert customer.get("/requests").json()[-1]["body"] == "�{"


def test_only_the_last_thousand_requests_are_kept(customer: httpx.Client) -> None:
    for number in range(1005):
        deliver(customer, {"number": number})

    listed = customer.get("/requests").json()

    assert len(listed) == 1000
    assert listed[-1]["body"] == {"number": 1004}


def test_it_explains_itself(customer: httpx.Client) -> None:
    assert "fail-2-times" in customer.get("/").text
