"""Spans of a lead's way, by real processes and a collector that takes OTLP: one trace from source to customer."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.building.collector import Collected, Collector
from tests.building.customer import Answer, Customer
from tests.building.pump import NOWHERE
from tests.building.routes import RouteToPublish, a_lead, a_spec, publish_routes
from tests.building.waiting import eventually
from tests.building.webhook import WebhookProcess
from tests.building.worker import WorkerProcess

SOURCE_TRACE, SOURCE_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{SOURCE_TRACE}-{SOURCE_SPAN}-01"
STATE = "rojo=00f067aa0ba902b7"
MARK = "zzmarkedzz"
RETRY = {"maxRetries": 1, "initialDelay": "100ms", "factor": 1, "maxDelay": "1s"}


@contextmanager
def a_gateway(
    database_url: str, folder: Path, customer: Customer, endpoint: str, *, query: str = "", **more: str
) -> Iterator[tuple[WebhookProcess, WorkerProcess]]:
    variables = {
        "LEADGATEWAY_TRACING": "on",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "LEADGATEWAY_WORKER_PASS_TRACE_CONTEXT": "true",
        "LEADGATEWAY_WORKER_SWEEP_SECONDS": "0.2",
        "LEADGATEWAY_LOG_LEVEL": "debug",
        **more,
    }
    publish_routes(folder, RouteToPublish("solar", a_spec(customer.url + query, default=True, retry=RETRY)))
    with (
        WebhookProcess(folder, database=database_url, redis=NOWHERE, **variables) as webhook,
        WorkerProcess(folder, database=database_url, redis=NOWHERE, **variables) as worker,
    ):
        yield webhook.until_ready(), worker


def post(webhook: WebhookProcess, lead: object, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    answer = webhook.client.post(webhook.leads, json=lead, headers=headers)
    assert answer.status_code == 200
    return dict(answer.json())


def of_kind(spans: list[Collected], kind: str) -> list[Collected]:
    return [span for span in spans if span.kind == kind]


def logged(output: str, event: str) -> dict[str, Any]:
    lines = (json.loads(line) for line in output.splitlines() if line.startswith("{"))
    return next(line for line in lines if line["body"] == event)


def test_a_source_its_post_and_each_attempt_are_one_trace_that_the_customer_can_join(
    database_url: str, tmp_path: Path
) -> None:
    with Collector() as collector, Customer() as customer:
        customer.answer_next(Answer(503))
        with a_gateway(database_url, tmp_path, customer, collector.url) as (webhook, worker):
            posted = post(webhook, a_lead(), {"traceparent": PARENT, "tracestate": STATE})
            arrived = customer.wait_for(2, seconds=60)
            spans = collector.wait_for(4)
            eventually(lambda: worker.event("lead.delivered"), within=60)
            eventually(lambda: "post.answered" in webhook.output, within=60)

    (server,), (decision,) = of_kind(spans, "SERVER"), of_kind(spans, "INTERNAL")
    attempts = of_kind(spans, "CLIENT")
    assert {span.trace_id for span in spans} == {SOURCE_TRACE}
    assert server.parent_id == SOURCE_SPAN
    assert [span.parent_id for span in (decision, *attempts)] == [server.span_id] * 3
    assert [r.headers["traceparent"] for r in arrived] == [f"{span.traceparent}-01" for span in attempts]
    assert [request.headers["tracestate"] for request in arrived] == [STATE] * 2
    about = {
        "leadgateway.route": "default/solar",
        "leadgateway.lead_id": posted["lead_id"],
        "leadgateway.correlation_id": posted["correlation_id"],
    }
    assert (server.name, server.service, server.failed) == (
        "POST /webhooks/leads/{path}",
        "lead-gateway-webhook",
        False,
    )
    assert server.attributes == about | {
        "http.request.method": "POST",
        "http.route": "/webhooks/leads/{path}",
        "url.scheme": "http",
        "http.response.status_code": 200,
        "leadgateway.outcome": "accepted",
    }
    assert decision.attributes == about | {"leadgateway.round": 1, "leadgateway.decision": "mapped"}
    assert [(span.name, span.service, span.failed) for span in attempts] == [
        ("POST", "lead-gateway-worker", True),
        ("POST", "lead-gateway-worker", False),
    ]
    request = {
        "leadgateway.round": 1,
        "http.request.method": "POST",
        "server.address": "127.0.0.1",
        "server.port": customer.port,
        "url.full": customer.url,
    }
    assert [span.attributes for span in attempts] == [
        about | request | {"http.response.status_code": 503, "error.type": "503"},
        about | request | {"http.response.status_code": 200, "http.request.resend_count": 1},
    ]
    lines = [
        (logged(webhook.output, "post.answered"), server),
        (logged(worker.output, "lead.attempt_failed"), attempts[0]),
        (logged(worker.output, "lead.delivered"), attempts[1]),
    ]
    assert [(line["trace_id"], line["span_id"]) for line, _ in lines] == [(s.trace_id, s.span_id) for _, s in lines]


def test_a_post_without_a_trace_begins_one(database_url: str, tmp_path: Path) -> None:
    with (
        Collector() as collector,
        Customer() as customer,
        a_gateway(database_url, tmp_path, customer, collector.url) as (webhook, _),
    ):
        post(webhook, a_lead(), {"traceparent": "00-nonsense", "tracestate": STATE})
        (arrived,) = customer.wait_for(1, seconds=60)
        spans = collector.wait_for(3)

    (server,), (attempt,) = of_kind(spans, "SERVER"), of_kind(spans, "CLIENT")
    assert server.parent_id == ""
    assert attempt.parent_id == server.span_id
    assert arrived.headers["traceparent"].rpartition("-")[0] == attempt.traceparent
    assert "tracestate" not in arrived.headers


def test_a_trace_that_its_source_does_not_sample_is_carried_on_and_not_recorded(
    database_url: str, tmp_path: Path
) -> None:
    with (
        Collector() as collector,
        Customer() as customer,
        a_gateway(database_url, tmp_path, customer, collector.url) as (webhook, _),
    ):
        post(webhook, a_lead(), {"traceparent": PARENT.removesuffix("01") + "00"})
        (unsampled,) = customer.wait_for(1, seconds=60)
        post(webhook, a_lead())
        customer.wait_for(2, seconds=60)
        spans = collector.wait_for(3)

    assert SOURCE_TRACE not in {span.trace_id for span in spans}
    version, trace_id, span_id, flags = unsampled.headers["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", SOURCE_TRACE, "00")
    assert span_id != SOURCE_SPAN


def test_the_span_of_a_refused_post_and_of_a_rejected_lead_say_why(database_url: str, tmp_path: Path) -> None:
    with (
        Collector() as collector,
        Customer() as customer,
        a_gateway(database_url, tmp_path, customer, collector.url) as (webhook, _),
    ):
        unknown = f"{webhook.url}/webhooks/leads/{MARK}?email={MARK}"
        assert webhook.client.post(unknown, json={}).status_code == 404
        assert webhook.client.request("PURGE", unknown).status_code == 405
        post(webhook, a_lead(address={"zip": "12345"}))
        spans = collector.wait_for(4)

    found = sorted(
        (span.name, span.attributes.get("leadgateway.refusal"), span.attributes.get("leadgateway.reject_code"))
        for span in spans
        if "leadgateway.refusal" in span.attributes or "leadgateway.reject_code" in span.attributes
    )
    assert [entry[0] for entry in found] == [
        "POST /webhooks/leads/{path}",
        "_OTHER /webhooks/leads/{path}",
        "decide",
    ]
    assert [entry[1] for entry in found[:2]] == ["route_not_found", "method_not_allowed"]
    assert found[2][2] == "ZIP_NOT_66XXX"
    assert not any(span.failed for span in spans)
    assert MARK.encode() not in collector.received


def test_nothing_of_a_lead_or_a_query_is_exported(database_url: str, tmp_path: Path) -> None:
    lead = a_lead(email=f"{MARK}@example.com", name=MARK, **{MARK: MARK})
    with Collector() as collector, Customer() as customer:
        customer.answer_next(Answer(503, MARK.encode()))
        with a_gateway(database_url, tmp_path, customer, collector.url, query=f"?key={MARK}") as (webhook, _):
            webhook.client.post(f"{webhook.leads}?q={MARK}", json=lead, headers={"X-Name": MARK, "User-Agent": MARK})
            (first, _) = customer.wait_for(2, seconds=60)
            collector.wait_for(4)

    assert MARK.encode() in first.body
    assert MARK.encode() not in collector.received


@pytest.mark.parametrize("listens", [True, False], ids=["refusing", "away"])
def test_without_a_collector_leads_go_their_way_and_processes_end_in_time(
    listens: bool, database_url: str, tmp_path: Path
) -> None:
    with Collector(status=503) as refusing, Customer() as customer, socket.socket() as bound:
        # Bound and not listening: nobody else takes the port, and every connection is refused.
        bound.bind(("127.0.0.1", 0))
        endpoint = refusing.url if listens else f"http://127.0.0.1:{bound.getsockname()[1]}"
        with a_gateway(database_url, tmp_path, customer, endpoint) as (webhook, worker):
            for _ in range(20):
                post(webhook, a_lead())
            customer.wait_for(20, seconds=60)
            if listens:
                eventually(lambda: refusing.received, within=60)
            assert (webhook.end(within=30), worker.end(within=30)) == (0, 0)


def test_what_is_still_to_be_sent_is_sent_at_the_end(database_url: str, tmp_path: Path) -> None:
    with Collector() as collector, Customer() as customer:
        late = {"OTEL_BSP_SCHEDULE_DELAY": "600000"}
        with a_gateway(database_url, tmp_path, customer, collector.url, **late) as (webhook, worker):
            post(webhook, a_lead())
            eventually(lambda: worker.event("lead.delivered"), within=60)
            assert collector.spans == []
            assert (webhook.end(within=30), worker.end(within=30)) == (0, 0)

    assert sorted(span.kind for span in collector.spans) == ["CLIENT", "INTERNAL", "SERVER"]
