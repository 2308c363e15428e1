"""A gateway under traffic: webhook, worker, PostgreSQL, Valkey, a customer, and sources that go on posting."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.dev.valkey import EmbeddedValkey
from leadgateway.settings import DatabaseSettings
from leadgateway.store.migrations import migrate
from tests.building.customer import Answer, Behaviour, Customer, Received
from tests.building.routes import RouteToPublish, a_lead, a_spec, publish_routes
from tests.building.webhook import WebhookProcess
from tests.building.worker import WorkerProcess

WIND = "default/wind"
_PAUSE = 0.2
QUICK = {"LEADGATEWAY_WORKER_BACKLOG_SECONDS": "1", "LEADGATEWAY_WORKER_SWEEP_SECONDS": "1"}
"""Settings of the worker, for a Prometheus that scrapes every second."""

Lead = dict[str, Any]
KindOfLead = Callable[[int], tuple[str, Lead]]
"""The route's path, and the lead, of a post by its number."""


@dataclass
class Gateway:
    """What one namespace of a cluster would hold, and what it depends on.

    Attributes:
        routes: The folder where its routes are published.
    """

    webhook: WebhookProcess
    worker: WorkerProcess
    postgres: EmbeddedPostgres
    customer: Customer
    routes: Path

    def addresses(self) -> list[str]:
        """Where Prometheus scrapes."""
        return [urlsplit(process.status).netloc for process in (self.webhook, self.worker)]


@contextmanager
def running_gateway(folder: Path, kind_of_lead: KindOfLead) -> Iterator[Gateway]:
    """Start everything, and end it.

    Args:
        folder: For data and routes; made.
        kind_of_lead: What is posted.
    """
    folder.mkdir(mode=0o711)
    with ExitStack() as opened:
        valkey = opened.enter_context(EmbeddedValkey(folder / "valkey", durable=False))
        postgres = opened.enter_context(EmbeddedPostgres(folder / "postgres", durable=False))
        migrate(DatabaseSettings(DATABASE_URL=postgres.url))
        customer = opened.enter_context(Customer())
        customer.answer_by(_answer)
        routes = folder / "routes"
        patience = {"maxRetries": 5, "initialDelay": "5s"}
        endpoint = {"url": customer.url, "allowPrivateNetworks": True, "timeout": "2s"}
        deduplicate = {"deduplicate": {"fields": ["email"], "window": "1h"}, "rateLimit": {"requestsPerMinute": 6000}}
        publish_routes(
            routes,
            RouteToPublish("solar", a_spec(endpoint=endpoint, retry=patience, default=True, source=deduplicate)),
            RouteToPublish("wind", a_spec(endpoint=endpoint, retry=patience)),
        )
        settings = {"database": postgres.url, "redis": valkey.url}
        webhook = opened.enter_context(WebhookProcess(routes, **settings)).until_ready()
        worker = opened.enter_context(WorkerProcess(routes, **settings, **QUICK)).until_ready()
        gateway = Gateway(webhook, worker, postgres, customer, routes)
        with _sources(gateway, kind_of_lead):
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
def _sources(gateway: Gateway, kind_of_lead: KindOfLead) -> Iterator[None]:
    """Post leads all the time, whatever the answers."""
    stopping = threading.Event()
    poster = threading.Thread(target=_post, args=(gateway, kind_of_lead, stopping), daemon=True)
    poster.start()
    try:
        yield
    finally:
        stopping.set()
        poster.join(30)


def _post(gateway: Gateway, kind_of_lead: KindOfLead, stopping: threading.Event) -> None:
    with httpx.Client(timeout=10, trust_env=False) as client:
        for number in itertools.count():
            if stopping.wait(_PAUSE):
                return
            path, lead = kind_of_lead(number)
            try:
                client.post(f"{gateway.webhook.leads}{path}", json=lead)
            except httpx.TransportError:
                continue  # the webhook itself is never the fault; a busy machine may be


_SPECIAL: dict[int, tuple[str, Lead]] = {
    3: ("", {"email": "lead-0@example.com"}),
    7: ("", {"address": {"zip": "10115", "street": "not ours"}}),
    13: ("nowhere", {}),
    17: ("wind", {"address": {"zip": "66123", "street": "refused"}}),
    19: ("wind", {"address": {"zip": "66123", "street": "broken"}}),
}
"""Of twenty posts: a duplicate, one that the rules reject, one to no route, and two that the customer does not take."""


def good_leads(number: int) -> tuple[str, Lead]:
    """Leads of the default route that all is well with."""
    return "", a_lead(email=f"lead-{number}@example.com")


def leads_of_every_kind(number: int) -> tuple[str, Lead]:
    """Mostly good ones."""
    path, changes = _SPECIAL.get(number % 20, ("" if number % 2 else "wind", {}))
    return path, a_lead(**{"email": f"lead-{number}@example.com"} | changes)
