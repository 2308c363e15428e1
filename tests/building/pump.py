"""A pump in this process, on real servers, and the leads it works on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from leadgateway.queue import Bell, connect
from leadgateway.route.compile import compile_route
from leadgateway.route.manifest import load_documents
from leadgateway.route.snapshot import RouteSnapshot
from leadgateway.settings import DatabaseSettings, RedisSettings
from leadgateway.store.connection import Engine
from leadgateway.store.engine import create_store_engine
from leadgateway.store.execute import rows
from leadgateway.store.intake import NewLead, Stored, store_batch
from leadgateway.store.story import LeadStory, lead_story
from leadgateway_worker.pump import Pump, PumpSettings
from leadgateway_worker.pump_thread import PumpThread
from tests.building.waiting import eventually

LEAD: dict[str, Any] = {
    "email": "User@Example.com ",
    "address": {"zip": "66123", "street": "123 Main St"},
    "house": {"is_owner": True},
    "phone": "+49 681 123456",
}
NOWHERE = "redis://127.0.0.1:1/0"
"""A Redis that is not there."""


def a_spec(url: str, **changes: Any) -> dict[str, Any]:
    """The solar route of the design, delivered to `url`, with retries a second apart."""
    endpoint = {"url": url, "allowPrivateNetworks": True, "timeout": "5s"} | changes.pop("endpoint", {})
    return {
        "validation": {
            "rules": [
                {"code": "MISSING_REQUIRED_FIELD", "required": ["address.zip", "house.is_owner"]},
                {"code": "ZIP_NOT_66XXX", "field": "address.zip", "matches": r"^66\d{3}$"},
                {"code": "NOT_HOMEOWNER", "field": "house.is_owner", "equals": True},
            ]
        },
        "mapping": {
            "customer_email": {"from": "email"},
            "customer_zip": {"from": "address.zip"},
            "is_homeowner": {"from": "house.is_owner", "type": "boolean"},
            "phone": {"from": "phone", "required": True},
            "product.name": {"value": "Solaranlage", "required": True},
        },
        "endpoint": endpoint,
        "retry": {"initialDelay": "1s", "factor": 1, "maxDelay": "1s"},
    } | changes


def a_manifest(url: str, *, name: str = "solar", **changes: Any) -> dict[str, Any]:
    """A whole LeadRoute."""
    return {
        "apiVersion": "leadgateway.io/v1alpha1",
        "kind": "LeadRoute",
        "metadata": {"name": name},
        "spec": a_spec(url, **changes),
    }


def a_compiled_route(url: str, *, name: str = "solar", **changes: Any) -> RouteSnapshot:
    """A route as the worker has it."""
    ((_, route),) = load_documents(json.dumps(a_manifest(url, name=name, **changes))).routes
    compiled = compile_route(route)
    assert isinstance(compiled, RouteSnapshot), compiled
    return compiled


class Leads:
    """Puts leads into the database as the webhook does, and reads what became of them."""

    def __init__(self, database_url: str) -> None:
        self._engine = engine_of(database_url, connections=2)

    def close(self) -> None:
        self._engine.dispose()

    def put(
        self, number: int = 1, *, route: str = "default/solar", lead: Mapping[str, Any] | bytes = LEAD
    ) -> list[int]:
        return self.put_on([route] * number, lead=lead)

    def put_on(self, routes: Iterable[str], *, lead: Mapping[str, Any] | bytes = LEAD) -> list[int]:
        """Put one lead on each of these routes, all at the same moment."""
        body = lead if isinstance(lead, bytes) else json.dumps(lead).encode()
        new = [NewLead(route, uuid4(), body, {"content-type": "application/json"}, "hash") for route in routes]
        with self._engine.connect() as connection:
            answers = store_batch(connection, new)
        return [answer.lead_id for answer in answers if isinstance(answer, Stored)]

    def put_one(self, *, route: str = "default/solar", lead: Mapping[str, Any] | bytes = LEAD) -> int:
        return self.put(route=route, lead=lead)[0]

    def story(self, lead_id: int) -> LeadStory:
        with self._engine.connect() as connection:
            found = lead_story(connection, lead_id)
        assert found is not None
        return found

    def path(self, lead_id: int) -> list[str]:
        """The states a lead went through."""
        return [step.to_status.value for step in self.story(lead_id).transitions]

    def statuses(self) -> Counter[str]:
        return Counter(str(status) for (status,) in self.ask("SELECT status FROM lead_state"))

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """For what no function of the store tells or does, because only a test would want it."""
        with self._engine.connect() as connection:
            return rows(connection, sql)

    def until(self, status: str, lead_id: int, *, within: float = 20.0) -> LeadStory:
        """Wait until a lead has come to a state."""
        eventually(
            lambda: self.ask(f"SELECT 1 FROM lead_state WHERE lead_id = {lead_id} AND status = '{status}'"),
            within=within,
            what=f"that lead {lead_id} is {status}",
        )
        return self.story(lead_id)

    def until_all(self, counts: Mapping[str, int], *, within: float = 30.0) -> None:
        eventually(lambda: self.statuses() == Counter(counts), within=within, what=f"{counts} (now {self.statuses()})")


@contextmanager
def leads_in(database_url: str) -> Iterator[Leads]:
    leads = Leads(database_url)
    try:
        yield leads
    finally:
        leads.close()


def engine_of(database_url: str, *, connections: int) -> Engine:
    return create_store_engine(
        DatabaseSettings(DATABASE_URL=database_url),
        application_name="test",
        statement_timeout=timedelta(seconds=10),
        pool_size=connections,
        plans_lookups=True,
    )


class RunningPump:
    """A pump in a thread of this process; the routes can be changed while it runs."""

    def __init__(
        self,
        database_url: str,
        routes: Sequence[RouteSnapshot],
        *,
        redis_url: str = NOWHERE,
        worker: str = "worker-1",
        capacity: int = 256,
        lease_margin: float = 30.0,
        sweep_seconds: float = 60.0,
        grace_seconds: float = 10.0,
    ) -> None:
        self.routes = {route.key: route for route in routes}
        self._engine = engine_of(database_url, connections=2)
        self._redis = connect(RedisSettings(REDIS_URL=redis_url))
        settings = PumpSettings(
            worker=worker,
            capacity=capacity,
            lease_margin=timedelta(seconds=lease_margin),
            sweep_seconds=sweep_seconds,
            grace_seconds=grace_seconds,
            allow_private_networks=True,
        )
        self.pump = Pump(settings, engine=self._engine, routes=lambda: self.routes, bell=Bell(self._redis))
        self.thread = PumpThread(self.pump, died=lambda: None)

    def wake(self) -> None:
        self.pump.wake()

    def stop(self) -> None:
        self.pump.stop()
        self.thread.join(30)
        assert not self.thread.is_alive(), "the pump did not stop"
        assert not self.thread.failed, "the pump died"
        self._engine.dispose()
        self._redis.close()


@contextmanager
def running_pump(database_url: str, *routes: RouteSnapshot, **settings: Any) -> Iterator[RunningPump]:
    """Run a pump; it stops at the end, and must not have died."""
    running = RunningPump(database_url, routes, **settings)
    running.thread.start()
    try:
        yield running
    finally:
        running.stop()
