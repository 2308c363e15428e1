"""Whatever leads and customers say, and whatever opens a door, is in no log line and no metric of any process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from leadgateway.route.snapshot import Credentials
from tests.building.customer import Answer, Behaviour, Customer, Received
from tests.building.pump import leads_in
from tests.building.routes import RouteToPublish, a_lead, a_spec, publish_routes
from tests.building.waiting import eventually
from tests.building.webhook import WebhookProcess
from tests.building.worker import WorkerProcess

CONTENT = "qx9content"
SECRET = "kr7secret"
TOKEN = "tk5token"
HIDDEN = (CONTENT, SECRET, TOKEN)
LOGGED = {"LEADGATEWAY_LOG_LEVEL": "debug"}
ABOUT_A_LEAD = ("post.", "lead.", "delivery.", "result.")


def marked(zip_code: str = "66123", **changes: Any) -> dict[str, Any]:
    """A lead whose every value, and a name of its own, can be recognised."""
    address = {"zip": zip_code, "street": f"{CONTENT} street"}
    return a_lead(email=f"{CONTENT}@example.com", phone="0681 123456", address=address, **{CONTENT: CONTENT}) | changes


def answer(request: Received) -> Behaviour:
    """A customer that repeats what it is sent in its answer; by the street it refuses, fails or takes the lead."""
    echo = json.dumps(request.json).encode()
    street = request.json["customer_street"]
    return Answer(422 if "refuse" in street else 500 if "fail" in street else 200, echo)


def provoke(webhook: WebhookProcess) -> None:
    """Good, rejected, failing and bad posts."""
    headers = {"X-Shared-Secret": SECRET, "X-Other": CONTENT}
    with httpx.Client(base_url=webhook.leads, timeout=30, headers=headers) as client:
        accepted = [
            marked(),
            marked("10115"),
            marked(address={"zip": "66123", "street": f"{CONTENT} refuse"}),
            marked(address={"zip": "66123", "street": f"{CONTENT} fail"}),
        ]
        for lead in accepted:
            assert client.post("", json=lead).status_code == 200
        json_type = {"Content-Type": "application/json"}
        client.post("", content=f'{{"email": "{CONTENT}'.encode(), headers=json_type)
        client.post("", content=f'["{CONTENT}"]'.encode(), headers=json_type)
        client.post("", json=marked(), headers={"X-Shared-Secret": f"{SECRET}{CONTENT}"})
        client.post(CONTENT, json=marked(), params={"token": TOKEN})


def test_contents_and_secrets_are_in_no_log_line_and_no_metric_and_each_line_about_a_lead_names_it(
    database_url: str, valkey_url: str, tmp_path: Path
) -> None:
    servers = {"database": database_url, "redis": valkey_url}
    with Customer() as customer:
        customer.answer_by(answer)
        source = {"sharedSecrets": [{"name": "solar", "key": "secret"}]}
        endpoint = {"url": customer.url, "token": {"name": "solar", "key": "token"}, "allowPrivateNetworks": True}
        retry = {"maxRetries": 1, "initialDelay": "100ms", "factor": 1, "maxDelay": "1s"}
        spec = a_spec(default=True, source=source, endpoint=endpoint, retry=retry)
        publish_routes(tmp_path, RouteToPublish("solar", spec, Credentials(shared_secrets=(SECRET,), token=TOKEN)))
        with (
            WebhookProcess(tmp_path, **servers, **LOGGED) as webhook,
            WorkerProcess(tmp_path, **servers, **LOGGED) as worker,
            leads_in(database_url) as leads,
        ):
            provoke(webhook.until_ready())
            eventually(lambda: leads.statuses() == {"DELIVERED": 1, "REJECTED": 1, "PERMANENTLY_FAILED": 2})
            eventually(lambda: len(worker.events("lead.given_up")) == 2 and worker.event("lead.delivered"))
            assert worker.event("lead.attempt_failed")
            pages = [
                httpx.get(f"{status}{page}").text
                for status in (webhook.status, worker.status)
                for page in ("/metrics", "/routes", "/healthz", "/readyz")
            ]

    assert f"Bearer {TOKEN}" in [request.headers["authorization"] for request in customer.received]
    told = webhook.output + worker.output
    for hidden in HIDDEN:
        assert hidden not in told
        assert hidden not in "".join(pages)
    lines = [json.loads(line) for line in told.splitlines()]
    about = [line for line in lines if line["body"].startswith(ABOUT_A_LEAD)]
    assert {"post.answered", "post.refused", "lead.delivered", "lead.rejected"} <= {line["body"] for line in about}
    for line in about:
        assert line["correlation_id"]
        assert line["route"] in {"default/solar", "unknown"}
