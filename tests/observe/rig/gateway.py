"""A gateway under traffic: webhook, worker, PostgreSQL, customers, and sources that go on posting."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.settings import DatabaseSettings
from leadgateway.store.migrations import migrate
from tests.building.customer import Answer, Behaviour, Customer, Received
from tests.building.routes import RouteToPublish, a_lead, a_spec, publish_routes
from tests.building.webhook import WebhookProcess
from tests.building.worker import WorkerProcess

WIND = "default/wind"
_PAUSE = 0.2


@dataclass
class Gateway:
    """What one namespace of a cluster would hold."""

    webhook: WebhookProcess
    worker: WorkerProcess

    def addresses(self) -> list[str]:
        """Where Prometheus scrapes."""
        return [urlsplit(process.status).netloc for process in (self.webhook, self.worker)]


@contextmanager
def running_gateway(folder: Path, redis: str, **worker: str) -> Iterator[Gateway]:
    """Start everything, and end it.

    Args:
        folder: For data and routes.
        redis: A Redis of its own.
        worker: Settings of the worker.
    """
    with ExitStack() as opened:
        postgres = opened.enter_context(EmbeddedPostgres(folder / "postgres", durable=False))
        migrate(DatabaseSettings(DATABASE_URL=postgres.url))
        customer = opened.enter_context(Customer())
        routes = folder / "routes"
        patience = {"maxRetries": 5, "initialDelay": "5s"}
        endpoint = {"url": customer.url, "allowPrivateNetworks": True, "timeout": "2s"}
        deduplicate = {"deduplicate": {"fields": ["email"], "window": "1h"}, "rateLimit": {"requestsPerMinute": 6000}}
        publish_routes(
            routes,
            RouteToPublish("solar", a_spec(endpoint=endpoint, retry=patience, default=True, source=deduplicate)),
            RouteToPublish("wind", a_spec(endpoint=endpoint, retry=patience)),
        )
        settings = {"database": postgres.url, "redis": redis}
        webhook = opened.enter_context(WebhookProcess(routes, **settings)).until_ready()
        process = opened.enter_context(WorkerProcess(routes, **settings, **worker)).until_ready()
        gateway = Gateway(webhook, process)
        customer.answer_by(_answer)
        with _sources(gateway):
            yield gateway


def _answer(request: Received) -> Behaviour:
    """What the customer does: it takes every lead, but for streets that have an answer of their own."""
    match request.json.get("customer_street"):
        case "refused":
            return Answer(422)
        case "broken":
            return Answer(500)
        case _:
            return Answer()


@contextmanager
def _sources(gateway: Gateway) -> Iterator[None]:
    """Post leads of every kind all the time, whatever the answers."""
    stopping = threading.Event()
    poster = threading.Thread(target=_post, args=(gateway, stopping), daemon=True)
    poster.start()
    try:
        yield
    finally:
        stopping.set()
        poster.join(30)


def _post(gateway: Gateway, stopping: threading.Event) -> None:
    with httpx.Client(timeout=10, trust_env=False) as client:
        for number in itertools.count():
            if stopping.wait(_PAUSE):
                return
            path, lead = _kind_of_lead(number)
            try:
                client.post(f"{gateway.webhook.leads}{path}", json=lead)
            except httpx.TransportError:
                continue  # the webhook itself is never the fault; a busy machine may be


_SPECIAL: dict[int, tuple[str, dict[str, Any]]] = {
    3: ("", {"email": "lead-0@example.com"}),
    7: ("", {"address": {"zip": "10115", "street": "not ours"}}),
    13: ("nowhere", {}),
    17: ("wind", {"address": {"zip": "66123", "street": "refused"}}),
    19: ("wind", {"address": {"zip": "66123", "street": "broken"}}),
}
"""Of twenty posts: a duplicate, one that the rules reject, one to no route, and two that the customer does not take."""


def _kind_of_lead(number: int) -> tuple[str, dict[str, Any]]:
    """The route's path, and the lead; mostly a good one."""
    path, changes = _SPECIAL.get(number % 20, ("" if number % 2 else "wind", {}))
    return path, a_lead(**{"email": f"lead-{number}@example.com"} | changes)
