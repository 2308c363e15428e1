"""From `kubectl apply` to a delivered lead: a real API server, operator, webhook, worker, databases and customer.

Only kubelet is a stand-in: it mounts what the operator publishes in the layout of the real one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from leadgateway.route.snapshot import RouteKey
from leadgateway.store.breaker import LEAST_ATTEMPTS
from tests.building.customer import Answer, Customer
from tests.building.webhook import LEAD, WebhookProcess
from tests.building.worker import WorkerProcess
from tests.operator.rig.gateway import Gateway
from tests.operator.rig.kubelet import Kubelet
from tests.operator.rig.manifests import secret, with_token
from tests.operator.rig.waiting import wait_until

RULES = {"rules": [{"code": "ZIP_NOT_66XXX", "field": "address.zip", "matches": "^66\\d{3}$"}]}


@dataclass
class Installation:
    """Everything that takes part."""

    gateway: Gateway
    webhook: WebhookProcess
    worker: WorkerProcess
    customer: Customer

    def post(self, path: str, **changes: Any) -> httpx.Response:
        return httpx.post(f"{self.webhook.leads}{path}", json={**LEAD, **changes}, timeout=10)

    def endpoint(self) -> dict[str, Any]:
        return {**with_token("customer"), "url": self.customer.url, "allowPrivateNetworks": True}

    def set_token(self, token: str) -> None:
        team = self.gateway.team
        body = secret("customer", team, {"token": token})
        self.gateway.api.apply(f"/api/v1/namespaces/{team}/secrets/customer", body)


def open_breakers(status: str) -> dict[str, object]:
    """What a worker says besides."""
    answer = httpx.get(f"{status}/routes", trust_env=False).json()
    return {"open_breakers": answer["open_breakers"]}


def loaded(status: str) -> dict[RouteKey, str]:
    """What a process says on its status port."""
    routes: dict[RouteKey, str] = httpx.get(f"{status}/routes", trust_env=False).json()["routes"]
    return routes


@pytest.fixture
def installation(gateway: Gateway, database_url: str, valkey_url: str) -> Iterator[Installation]:
    mounted = gateway.folder / "mounted"
    kubelet = Kubelet(gateway.api, gateway.namespace, mounted, shards=gateway.shards)
    kubelet.start()
    permission = {"LEADGATEWAY_WORKER_ALLOW_PRIVATE_NETWORKS": "true"}
    with (
        Customer() as customer,
        WebhookProcess(mounted, database=database_url, redis=valkey_url) as webhook,
        WorkerProcess(mounted, database=database_url, redis=valkey_url, **permission) as worker,
    ):
        gateway.add_pod("webhook", "webhook", lambda: loaded(webhook.status))
        gateway.add_pod("worker", "worker", lambda: loaded(worker.status), lambda: open_breakers(worker.status))
        gateway.start_operator()
        webhook.until_ready()
        yield Installation(gateway, webhook, worker, customer)
    kubelet.stop()


def test_a_leadroute_runs_from_its_apply_on_and_follows_its_edits(installation: Installation) -> None:
    gateway, customer = installation.gateway, installation.customer
    mapping = {"zip": {"from": "address.zip"}}

    # Applied: a lead is delivered.
    installation.set_token("first")
    gateway.apply("solar", mapping=mapping, endpoint=installation.endpoint(), validation=RULES)
    gateway.wait_for("solar", "Ready", "True", within=30)
    answer = installation.post("solar", address={"zip": "66123"})
    assert answer.json()["status"] == "accepted"
    (delivered,) = customer.wait_for(1)
    assert delivered.json == {"zip": "66123"}
    assert delivered.headers["authorization"] == "Bearer first"

    # A rule changed: the next lead is judged by the new one.
    stricter = {"rules": [{"code": "ZIP_NOT_67XXX", "field": "address.zip", "matches": "^67\\d{3}$"}]}
    gateway.apply("solar", mapping=mapping, endpoint=installation.endpoint(), validation=stricter)
    gateway.wait_for("solar", "Ready", "True", within=30)
    installation.post("solar", address={"zip": "66124"})
    installation.post("solar", address={"zip": "67125"})
    assert customer.wait_for(2)[1].json == {"zip": "67125"}

    # The token rotated: the next delivery carries it, without a new generation and without a restart.
    before = gateway.status("solar")["configHash"]
    installation.set_token("second")
    wait_until(lambda: gateway.status("solar")["configHash"] != before, within=30, what="the hash following the token")
    gateway.wait_for("solar", "Ready", "True", within=30)
    installation.post("solar", address={"zip": "67126"})
    assert customer.wait_for(3)[2].headers["authorization"] == "Bearer second"
    assert gateway.api.get(gateway.path("solar"))["metadata"]["generation"] == 2


def test_an_edit_that_is_not_accepted_does_not_touch_the_leads(installation: Installation) -> None:
    gateway, customer = installation.gateway, installation.customer
    installation.set_token("token")
    gateway.apply("solar", endpoint=installation.endpoint())
    gateway.wait_for("solar", "Ready", "True", within=30)

    gateway.apply("solar", endpoint=installation.endpoint(), mapping={"a": {"cel": "lead.("}})
    gateway.wait_for("solar", "Accepted", "False", "Invalid")

    assert installation.post("solar").status_code == 200
    assert customer.wait_for(1)[0].json == {"customer_email": LEAD["email"], "customer_zip": "66123"}


def test_a_customer_that_is_down_is_told_by_the_status_until_it_is_back(installation: Installation) -> None:
    gateway, customer = installation.gateway, installation.customer
    installation.set_token("token")
    soon = {"initialDelay": "2s", "factor": 1, "maxDelay": "2s"}
    gateway.apply("solar", endpoint=installation.endpoint(), retry=soon)
    gateway.wait_for("solar", "Delivering", "True", within=30)
    gateway.wait_for("solar", "Ready", "True", within=30)

    customer.answer_always(Answer(503))
    for _ in range(LEAST_ATTEMPTS):
        assert installation.post("solar").status_code == 200
    told = gateway.wait_for("solar", "Delivering", "False", "BreakerOpen", within=60)
    assert "circuit breaker is open since" in told["message"]
    assert gateway.condition("solar", "Ready")["status"] == "True"

    customer.answer_always(Answer(200))
    gateway.wait_for("solar", "Delivering", "True", "Delivering", within=90)
    events = f"/api/v1/namespaces/{gateway.team}/events"
    wait_until(
        lambda: {"BreakerOpen", "Delivering"} <= {event["reason"] for event in gateway.api.items(events)},
        within=30,
        what="an event of each",
    )


def test_a_deleted_leadroute_is_unknown(installation: Installation) -> None:
    gateway = installation.gateway
    installation.set_token("token")
    gateway.apply("solar", endpoint=installation.endpoint())
    gateway.wait_for("solar", "Ready", "True", within=30)

    gateway.api.delete(gateway.path("solar"))

    wait_until(lambda: installation.post("solar").status_code == 404, within=20, what="the path being unknown")


def test_a_path_is_never_unknown_for_want_of_a_secret(installation: Installation) -> None:
    gateway = installation.gateway
    installation.set_token("token")
    gateway.apply("solar", endpoint=installation.endpoint())
    gateway.wait_for("solar", "Ready", "True", within=30)
    gateway.api.delete(f"/api/v1/namespaces/{gateway.team}/secrets/customer")
    gateway.wait_for("solar", "Accepted", "False", "CredentialsMissing")

    # A pod that starts now has never loaded the route.
    folder = gateway.folder / "mounted"
    with WebhookProcess(folder, database="postgresql://127.0.0.1:1/none", redis="redis://127.0.0.1:1/0") as another:
        answer = httpx.post(f"{another.leads}solar", json=LEAD, timeout=10)

    assert answer.status_code == 503
    assert installation.post("solar").status_code == 200
