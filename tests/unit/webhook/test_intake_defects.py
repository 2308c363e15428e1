"""What no source should ever cause is answered all the same, and the log says where, but never with what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Message
from structlog.testing import capture_logs

from leadgateway.route.table import RouteTable
from leadgateway.store.errors import RowRefused
from leadgateway.store.intake import Answer, NewLead, Refused
from leadgateway_webhook.access_log import NoAccessLog
from leadgateway_webhook.defect import describe
from leadgateway_webhook.errors import RouteNotFound
from leadgateway_webhook.intake import Intake, Policy, route_segment
from leadgateway_webhook.metrics import Metrics
from leadgateway_webhook.rate_limit import RateLimiter, RedisCounter
from leadgateway_webhook.writer import BatchWriter, Limits
from tests.building.snapshots import a_route

CONTENT = "qx9-content-of-a-lead"


class Table:
    """A table with one route, or one that can't even be asked."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure

    @property
    def table(self) -> RouteTable:
        if self.failure is not None:
            raise self.failure
        route = a_route()
        return RouteTable({route.key: route}, {route.path: route}, is_loaded=True)


class Refusing:
    """A store that refuses every lead."""

    def connect(self) -> None: ...
    def check(self) -> None: ...
    def close(self) -> None: ...
    def is_intact(self) -> bool:
        return True

    def write(self, batch: Sequence[NewLead]) -> list[Answer]:
        return [Refused(RowRefused(sqlstate="23514", constraint="a_check"))] * len(batch)


class Conversation:
    """One post by hand: what is received, and what is sent."""

    def __init__(self, body: bytes | None) -> None:
        self.body = body
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        if self.body is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def answer(self) -> tuple[int, dict[str, Any]]:
        return self.sent[0]["status"], json.loads(self.sent[1]["body"])


def post(table: Table, body: bytes | None, *, cancelled: bool = False) -> tuple[int, dict[str, Any]]:
    conversation = Conversation(body)
    scope = {"method": "POST", "path": "/webhooks/leads/solar", "headers": [(b"content-type", b"application/json")]}

    async def run() -> None:
        writer = BatchWriter[NewLead, Answer](Refusing(), limits=Limits(max_queued=10, answer_seconds=5))
        intake = Intake(
            table,
            writer,
            RateLimiter(NoCounter(), replicas=1),
            policy=Policy(
                max_body_bytes=1000, max_held_bytes=1000, key_lifetime=timedelta(hours=1), patience_seconds=1
            ),
            metrics=Metrics(CollectorRegistry()),
            access_log=NoAccessLog(),
        )
        writer.start()
        while writer.condition != "ok":  # noqa: ASYNC110 - a condition of the writer's thread
            await asyncio.sleep(0.005)
        task = asyncio.create_task(intake(scope, conversation.receive, conversation.send))
        await asyncio.sleep(0)
        if cancelled:
            task.cancel()
        await task
        intake.close()
        await writer.stop(within=5)

    asyncio.run(run())
    return conversation.answer


class NoCounter(RedisCounter):
    def __init__(self) -> None:
        """Never asked: the route has no limit."""


def test_a_defect_is_answered_500_and_logged_without_what_it_happened_with() -> None:
    with capture_logs() as lines:
        status, body = post(Table(ValueError(CONTENT)), b"{}")

    assert (status, body["code"]) == (500, "internal_error")
    [line] = [line for line in lines if line["event"] == "post.defect"]
    assert line["exception.type"] == "ValueError"
    assert "test_intake_defects.py" in line["exception.stacktrace"]
    assert line["correlation_id"] == body["correlation_id"]
    assert CONTENT not in str(lines)


def test_a_lead_that_the_database_refuses_is_answered_500_and_logged_by_its_constraint() -> None:
    with capture_logs() as lines:
        status, body = post(Table(), json.dumps({"email": CONTENT}).encode())

    assert (status, body["code"]) == (500, "internal_error")
    [line] = [line for line in lines if line["event"] == "post.row_refused"]
    assert "a_check" in line["error"]
    assert CONTENT not in str(lines)


def test_a_post_that_still_waits_when_the_grace_period_ends_is_asked_to_come_back() -> None:
    status, body = post(Table(), None, cancelled=True)

    assert (status, body["code"]) == (503, "overloaded")


@pytest.mark.parametrize(
    ("path", "segment"),
    [
        ("/webhooks/leads", None),
        ("/webhooks/leads/", None),
        ("/webhooks/leads/solar", "solar"),
        ("/webhooks/leads/solar/", "solar"),
        ("/webhooks/leads/so lar", "so lar"),
    ],
)
def test_a_path_names_a_route_with_or_without_the_last_slash(path: str, segment: str | None) -> None:
    assert route_segment(path) == segment


@pytest.mark.parametrize(
    "path", ["/webhooks/leads//", "/webhooks/leads//solar", "/webhooks/leads/a/b", "/webhooks/leads/a//"]
)
def test_no_route_has_a_path_of_several_segments(path: str) -> None:
    with pytest.raises(RouteNotFound):
        route_segment(path)


def test_the_causes_of_a_defect_are_named_without_their_messages() -> None:
    error = RuntimeError(CONTENT)
    error.__cause__ = KeyError(CONTENT)

    told = describe(error)

    assert told["exception.type"] == "RuntimeError from KeyError"
    assert CONTENT not in str(told)
