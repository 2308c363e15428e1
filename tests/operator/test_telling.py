"""Events, metrics, probes and logs: what the operator tells of itself and of LeadRoutes."""

from __future__ import annotations

import json

import httpx

from tests.operator.rig.gateway import Gateway
from tests.operator.rig.manifests import secret, with_token
from tests.operator.rig.waiting import wait_until

BROKEN = {"rules": [{"code": "X", "field": "a", "matches": "("}]}


def events(gateway: Gateway) -> list[tuple[str, str]]:
    found = gateway.api.items(f"/api/v1/namespaces/{gateway.team}/events")
    assert all(event["involvedObject"]["kind"] == "LeadRoute" for event in found)
    return [(event["type"], event["reason"]) for event in sorted(found, key=lambda event: event["firstTimestamp"])]


def test_each_transition_a_person_cares_about_is_an_event(gateway: Gateway) -> None:
    gateway.start_pods()
    gateway.start_operator()
    body = secret("customer", gateway.team, {"token": "first"})
    gateway.api.apply(f"/api/v1/namespaces/{gateway.team}/secrets/customer", body)

    gateway.apply("solar", endpoint=with_token("customer"))
    gateway.wait_for("solar", "Ready", "True")
    gateway.apply("solar", endpoint=with_token("customer"), validation=BROKEN)
    gateway.wait_for("solar", "Accepted", "False")
    gateway.apply("solar", endpoint=with_token("customer"), paused=True)
    gateway.wait_for("solar", "Ready", "True")
    body = secret("customer", gateway.team, {"token": "second"})
    gateway.api.apply(f"/api/v1/namespaces/{gateway.team}/secrets/customer", body)

    expected = {
        ("Normal", "Accepted"),
        ("Normal", "Programmed"),
        ("Warning", "Invalid"),
        ("Normal", "CredentialsRotated"),
    }
    wait_until(lambda: expected <= set(events(gateway)), within=20, what="the events")
    described = gateway.cluster.kubectl("describe", "lr", "solar", "-n", gateway.team).stdout
    assert "CredentialsRotated" in described
    assert "spec.validation.rules[0].matches" in described


def test_an_operator_that_starts_anew_does_not_repeat_events(gateway: Gateway) -> None:
    gateway.start_pods()
    gateway.start_operator()
    gateway.apply("solar")
    gateway.wait_for("solar", "Ready", "True")
    wait_until(lambda: ("Normal", "Programmed") in events(gateway), within=10, what="the events")
    before = len(events(gateway))

    gateway.operator.kill()
    gateway.operator.start()
    gateway.operator.wait_until_ready()
    gateway.apply("wind")
    gateway.wait_for("wind", "Ready", "True")

    assert [reason for _, reason in events(gateway)].count("Accepted") == 2
    assert len(events(gateway)) >= before


def test_metrics_count_rebuilds_routes_and_writes(gateway: Gateway) -> None:
    operator = gateway.start_operator()
    gateway.apply("solar")
    gateway.apply("broken", validation=BROKEN)
    gateway.wait_for("solar", "Accepted", "True")
    gateway.wait_for("broken", "Accepted", "False")

    wait_until(
        lambda: operator.metrics().get(route_metric("Accepted", "False")) == 1, within=10, what="the count following"
    )

    metrics = operator.metrics()
    assert metrics[route_metric("Accepted", "True")] == 1
    assert metrics[route_metric("Programmed", "False")] == 2
    assert metrics['leadgateway_operator_reconciles_total{outcome="success"}'] >= 1
    assert metrics['leadgateway_operator_reconciles_total{outcome="error"}'] == 0
    assert metrics["leadgateway_operator_reconcile_seconds_count"] >= 1
    assert metrics['leadgateway_operator_shard_writes_total{kind="routes"}'] >= 1
    assert metrics["leadgateway_operator_seconds_since_successful_reconcile"] < 60
    assert metrics["leadgateway_operator_unseen_objects"] == 0


def route_metric(condition: str, status: str) -> str:
    return f'leadgateway_operator_routes{{condition="{condition}",status="{status}"}}'


def test_probes_say_when_the_last_rebuild_succeeded(gateway: Gateway) -> None:
    operator = gateway.start_operator()

    health = httpx.get(f"http://127.0.0.1:{operator.status_port}/readyz", trust_env=False).json()

    assert health["status"] == "ok"
    assert health["lastSuccessfulReconcile"].endswith("s ago")


def test_every_log_line_is_json_and_of_this_role(gateway: Gateway) -> None:
    operator = gateway.start_operator()
    gateway.apply("solar", validation=BROKEN)
    gateway.wait_for("solar", "Accepted", "False")
    operator.stop()

    lines = [json.loads(line) for line in operator.log().splitlines()]

    assert lines
    assert {line["service.name"] for line in lines} == {"lead-gateway-operator"}
    assert not any("settings" in line or "k8s_ref" in line for line in lines)


def test_an_operator_with_nothing_to_publish_says_what_it_serves(gateway: Gateway) -> None:
    operator = gateway.start_operator(WATCH_NAMESPACES=gateway.team)
    operator.stop()

    told = [json.loads(line)["body"] for line in operator.log().splitlines()]

    assert any(f"LeadRoutes of {gateway.team};" in line for line in told)
    assert "everything is listed: 0 LeadRoutes" in told


def test_pods_of_every_role_are_touched_after_a_write_so_that_kubelet_syncs_at_once(gateway: Gateway) -> None:
    pods = [gateway.add_pod(role, role, dict) for role in ("webhook", "worker", "console")]
    for pod in pods:
        pod.create_object()
    gateway.start_operator()

    def marks() -> set[str | None]:
        paths = (f"/api/v1/namespaces/{gateway.namespace}/pods/{pod.name}" for pod in pods)
        found = [gateway.api.get(path)["metadata"].get("annotations") or {} for path in paths]
        return {annotations.get("leadgateway.io/configuration") for annotations in found}

    def the_same_for_all() -> str | None:
        return next(iter(marks())) if len(marks()) == 1 else None

    wait_until(
        lambda: gateway.operator.metrics().get('leadgateway_operator_pods{role="webhook",state="answering"}') == 1,
        within=30,
        what="the pods being found",
    )
    gateway.apply("solar")
    first = wait_until(the_same_for_all, within=15, what="the annotation")
    gateway.apply("wind")
    wait_until(lambda: the_same_for_all() not in (None, first), within=15, what="another value after another write")
