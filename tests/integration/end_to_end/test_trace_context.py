"""A trace that a source began reaches the customer, by every attempt, where that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.building.customer import Answer, Customer
from tests.building.pump import NOWHERE
from tests.building.routes import RouteToPublish, a_lead, a_spec, publish_routes
from tests.building.webhook import WebhookProcess
from tests.building.worker import WorkerProcess

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
STATE = "rojo=00f067aa0ba902b7"


@pytest.mark.parametrize("passed", [True, False])
def test_a_trace_is_passed_on_with_each_attempt_only_if_that_is_asked_for(
    passed: bool, database_url: str, tmp_path: Path
) -> None:
    setting = {"LEADGATEWAY_WORKER_PASS_TRACE_CONTEXT": str(passed).lower(), "LEADGATEWAY_WORKER_SWEEP_SECONDS": "0.2"}
    with Customer() as customer:
        customer.answer_next(Answer(503))
        retry = {"maxRetries": 1, "initialDelay": "100ms", "factor": 1, "maxDelay": "1s"}
        publish_routes(tmp_path, RouteToPublish("solar", a_spec(customer.url, default=True, retry=retry)))
        with (
            WebhookProcess(tmp_path, database=database_url, redis=NOWHERE) as webhook,
            WorkerProcess(tmp_path, database=database_url, redis=NOWHERE, **setting),
        ):
            headers = {"traceparent": PARENT, "tracestate": STATE}
            posted = webhook.until_ready().client.post(webhook.leads, json=a_lead(), headers=headers)
            assert posted.status_code == 200
            attempts = customer.wait_for(2, seconds=60)

    expected = (PARENT, STATE) if passed else (None, None)
    assert [(a.headers.get("traceparent"), a.headers.get("tracestate")) for a in attempts] == [expected] * 2
