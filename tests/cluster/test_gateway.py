"""The gateway in real pods, from the first install to the uninstall. The tests run in this order."""

from __future__ import annotations

import json
import time
from typing import Any

import yaml

from tests.cluster.rig import image
from tests.cluster.rig.command import REPOSITORY, CommandFailed, run
from tests.cluster.rig.gateway import Gateway, credentials, route, seconds_since
from tests.operator.rig.waiting import wait_until

SAMPLE = REPOSITORY / "crds" / "samples" / "solar-saarland.yaml"


def test_the_sample_route_becomes_ready_and_its_leads_arrive(gateway: Gateway, figures: dict[str, float]) -> None:
    secret, sample = yaml.safe_load_all(SAMPLE.read_text())
    sample["spec"]["endpoint"] |= {"url": gateway.customer_url("sample"), "allowPrivateNetworks": True}
    del sample["spec"]["source"]["deduplicate"]
    figures["image with its base, MB"] = image.megabytes("dev")
    began = time.monotonic()

    gateway.apply(secret, sample)
    run("kubectl", "-n", gateway.outside, "wait", "--for=condition=Ready", "lr/solar-saarland", "--timeout=60s")
    figures["seconds from apply to Ready"] = seconds_since(began)
    posted = gateway.post("solar-saarland", count=20, secrets=[secret["stringData"]["webhook-secret"]])

    assert posted.outcomes == {200: 20}
    gateway.await_delivered("solar-saarland", 20)
    deliveries = gateway.deliveries("sample")
    assert {delivery.token for delivery in deliveries} == {f"Bearer {secret['stringData']['token']}"}
    assert [delivery.payload["customer_zip"] for delivery in deliveries] == ["66123"] * 20


def test_the_console_tells_of_the_leads_behind_its_service_to_those_who_may_ask(gateway: Gateway) -> None:
    leads = f"api/v1/leads?route={gateway.outside}/solar-saarland"

    answered, page = gateway.ask_console(leads, token=gateway.console_token())
    refused, problem = gateway.ask_console(leads)

    assert (answered, [lead["status"] for lead in page["leads"]]) == (200, ["DELIVERED"] * 20)
    assert refused == 401
    assert "leads" not in problem


def test_kubectl_leads_finds_the_gateway_and_shows_and_replays_its_leads(gateway: Gateway) -> None:
    of_route = f"--route={gateway.outside}/turned-down"
    refusing = {"rules": [{"code": "NO_ROOF", "required": ["roof"]}]}
    gateway.apply(route("turned-down", gateway.customer_url("turned-down"), validation=refusing))
    gateway.await_ready("turned-down")
    assert gateway.post("turned-down", count=3).outcomes == {200: 3}
    wait_until(lambda: gateway.statuses("turned-down") == {"REJECTED": 3}, within=60, what="three rejected leads")

    listed = gateway.leads("list", of_route, "--code=NO_ROOF")["leads"]
    dry = gateway.leads("replay", of_route, "--dry-run")
    replayed = gateway.leads("replay", of_route, "--yes", "--actor=ada", "--reason=tried")
    story = gateway.leads("show", str(listed[0]["lead_id"]))
    counted = gateway.leads("stats", of_route)

    assert (len(listed), dry["total"]) == (3, 3)
    assert (replayed["state"], replayed["done"], replayed["refused"]) == ("done", 3, 0)
    assert "person:ada (token)" in [each["actor"] for each in story["transitions"]]
    assert counted["total"] == 3


def test_a_mistake_that_the_schema_can_not_see_is_refused_on_apply(gateway: Gateway) -> None:
    flawed = route(
        "flawed", gateway.customer_url("flawed"), validation={"rules": [{"code": "X", "field": "a", "matches": "("}]}
    )

    refusal = wait_until(
        lambda: _refusal(gateway, flawed), within=30, what="the admission webhook refusing a pattern", interval=1
    )

    assert "spec.validation.rules[0].matches" in refusal


def _refusal(gateway: Gateway, manifest: dict[str, Any]) -> str:
    try:
        gateway.apply(manifest)
    except CommandFailed as error:
        return str(error)
    return ""


def test_a_changed_route_and_rotated_secrets_take_effect_under_load(
    gateway: Gateway, figures: dict[str, float]
) -> None:
    def version(number: int, *secrets: str) -> dict[str, Any]:
        return route(
            "changing",
            gateway.customer_url("changing"),
            source={"sharedSecrets": [{"name": "changing", "key": key} for key in secrets]},
            mapping={"version": {"value": number}},
            endpoint={"token": {"name": "changing", "key": "token"}},
        )

    gateway.apply(
        credentials("changing", old="old-secret", new="new-secret", token="old-token"), version(1, "old", "new")
    )
    gateway.await_ready("changing")
    pods = gateway.pods()

    with gateway.posting("changing", count=200, per_second=10, secrets=["old-secret", "new-secret"]) as finish:
        wait_until(lambda: len(gateway.deliveries("changing")) > 20, within=30, what="deliveries under load")
        changed = gateway.clock()
        gateway.apply(
            credentials("changing", old="old-secret", new="new-secret", token="new-token"), version(2, "old", "new")
        )
        posted = finish()

    assert posted.outcomes == {200: 200}
    gateway.await_delivered("changing", 200)
    deliveries = gateway.deliveries("changing")
    assert {delivery.payload["reference"] for delivery in deliveries} == posted.references
    seen = [
        delivery for delivery in deliveries if (delivery.payload["version"], delivery.token) == (2, "Bearer new-token")
    ]
    assert seen, "the new rule and token were never seen"
    figures["seconds from apply to effect"] = min(delivery.at for delivery in seen) - changed
    figures["slowest post, seconds"] = posted.slowest
    last_old = max(delivery.at for delivery in deliveries if delivery.payload["version"] == 1)
    figures["seconds until nothing old was sent any more"] = last_old - changed
    assert last_old - changed < 15
    assert gateway.pods() == pods, "no pod is restarted or replaced"

    gateway.apply(version(3, "new"))
    gateway.await_ready("changing")
    assert gateway.post("changing", count=2, secrets=["old-secret"]).outcomes == {401: 2}
    assert gateway.post("changing", count=2, secrets=["new-secret"]).outcomes == {200: 2}


def test_pods_that_die_in_mid_delivery_lose_no_lead(gateway: Gateway, figures: dict[str, float]) -> None:
    gateway.apply(route("dying", gateway.customer_url("slow"), endpoint={"concurrency": 8}))
    gateway.await_ready("dying")

    with gateway.posting("dying", count=300, per_second=20) as finish:
        wait_until(lambda: len(gateway.deliveries("slow")) > 20, within=30, what="deliveries under load")
        began = time.monotonic()
        for component in ("worker", "valkey", "operator"):
            gateway.kubectl("delete", "pod", gateway.one_pod(component), "--grace-period=0", "--force", "--wait=false")
        gateway.kubectl("delete", "pod", gateway.one_pod("webhook"), "--wait=false")
        posted = finish()
    gateway.await_delivered("dying", 300, seconds=120)

    figures["seconds from the deaths to the last delivery"] = seconds_since(began)
    assert posted.outcomes == {200: 300}
    deliveries = gateway.deliveries("slow")
    assert {delivery.payload["reference"] for delivery in deliveries} == posted.references
    figures["deliveries repeated, all with the same Idempotency-Key"] = len(deliveries) - 300
    assert len({delivery.key for delivery in deliveries}) == 300
    gateway.await_pods()


def test_the_release_test_passes(gateway: Gateway) -> None:
    output = gateway.helm("test", "lead-gateway", "--logs", "--timeout=3m")

    assert "passed: delivered" in output


def test_an_upgrade_under_load_fails_no_post(gateway: Gateway, figures: dict[str, float]) -> None:
    image.build("next", VERSION="next")
    gateway.apply(route("upgrading", gateway.customer_url("upgrading")))
    gateway.await_ready("upgrading")
    before = gateway.pods()

    with gateway.posting("upgrading", count=1500, per_second=25) as finish:
        began = time.monotonic()
        gateway.install("next")
        figures["seconds that the upgrade took"] = seconds_since(began)
        posted = finish()

    assert figures["seconds that the upgrade took"] < 60, "the load ended before the upgrade did"
    assert posted.outcomes == {200: 1500}
    figures["slowest post, seconds"] = posted.slowest
    gateway.await_delivered("upgrading", 1500)
    assert not before.keys() & gateway.pods().keys(), "every pod was replaced"


def test_a_container_that_still_waits_ends_at_once_when_it_is_told_to(gateway: Gateway) -> None:
    # As first process of a container it would be left alone by a SIGTERM that it does not handle.
    gateway.start_waiting_pod("waiting")
    began = time.monotonic()

    run("kubectl", "-n", gateway.outside, "delete", "pod", "waiting", "--grace-period=60", "--timeout=90s")

    assert seconds_since(began) < 20


def test_an_uninstall_leaves_routes_and_leads_for_the_next_install(gateway: Gateway) -> None:
    gateway.helm("uninstall", "lead-gateway", "--wait", "--timeout=2m")

    routes = json.loads(run("kubectl", "-n", gateway.outside, "get", "leadroutes", "-o", "json"))["items"]
    assert {"solar-saarland", "changing"} <= {found["metadata"]["name"] for found in routes}
    assert "data-lead-gateway-postgresql-0" in gateway.kubectl("get", "persistentvolumeclaims", "-o", "name")

    gateway.install("next")

    assert gateway.statuses("dying") == {"DELIVERED": 300}
    gateway.await_ready("solar-saarland")
