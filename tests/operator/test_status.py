"""`kubectl` tells the truth: conditions are earned, and say what to do."""

from __future__ import annotations

import pytest

from tests.operator.rig.gateway import Gateway
from tests.operator.rig.manifests import leadroute
from tests.operator.rig.waiting import wait_until


def test_a_leadroute_becomes_ready_once_every_pod_has_loaded_it(gateway: Gateway) -> None:
    table = gateway.start_pods(webhooks=2, workers=3)
    gateway.start_operator()

    gateway.apply("solar")
    gateway.wait_for("solar", "Ready", "True", "Ready")

    status = gateway.status("solar")
    assert status["observedGeneration"] == 1
    assert status["url"] == "/webhooks/leads/solar"
    assert status["configHash"] == table.table.hashes()[f"{gateway.team}/solar"]
    assert status["replicas"] == {"webhook": "2/2", "worker": "3/3"}


def test_conditions_follow_kep_1623(gateway: Gateway) -> None:
    gateway.start_pods()
    gateway.start_operator()

    gateway.apply("solar")
    gateway.wait_for("solar", "Ready", "True")

    conditions = gateway.status("solar")["conditions"]
    assert [c["type"] for c in conditions] == ["Accepted", "TestsPassed", "Programmed", "Ready", "Delivering"]
    for condition in conditions:
        assert condition["observedGeneration"] == 1
        assert condition["status"] in {"True", "False", "Unknown"}
        assert condition["reason"].isalnum()
        assert condition["reason"][0].isupper()
        assert condition["message"]
        assert condition["lastTransitionTime"].endswith("Z")


def test_kubectl_can_wait_for_ready(gateway: Gateway) -> None:
    gateway.start_pods()
    gateway.start_operator()
    gateway.apply("solar-saarland")

    done = gateway.cluster.kubectl(
        "wait", "--for=condition=Ready", "lr/solar-saarland", "-n", gateway.team, "--timeout=20s"
    )

    assert done.returncode == 0, done.stderr


def test_kubectl_get_shows_what_matters(gateway: Gateway) -> None:
    gateway.start_pods()
    gateway.start_operator()
    gateway.apply("solar")
    gateway.wait_for("solar", "Ready", "True")

    short = gateway.cluster.kubectl("get", "lr", "-n", gateway.team).stdout.splitlines()
    wide = gateway.cluster.kubectl("get", "leadroutes", "-n", gateway.team, "-o", "wide").stdout.splitlines()

    assert short[0].split() == ["NAME", "READY", "DELIVERING", "PATH", "ENDPOINT", "AGE"]
    row = ["solar", "True", "True", "/webhooks/leads/solar", "https://customer.example/lead/receive"]
    assert short[1].split()[:5] == row
    assert wide[0].split()[6:] == ["HASH", "WEBHOOK", "WORKER", "REASON"]
    assert wide[1].split()[6:] == [gateway.status("solar")["configHash"], "1/1", "1/1", "Ready"]


def test_a_pod_that_has_not_loaded_it_keeps_it_from_being_programmed(gateway: Gateway) -> None:
    gateway.start_pods()
    late: dict[str, str] = {}
    gateway.add_pod("worker", "late", lambda: late)
    gateway.start_operator()

    gateway.apply("solar")
    wait_until(
        lambda: (
            gateway.condition("solar", "Programmed").get("message", "").startswith("1/2 worker pods have loaded it")
        ),
        within=20,
        what="the message naming the pods that lag behind",
    )
    assert gateway.condition("solar", "Ready")["reason"] == "Pending"
    assert gateway.status("solar")["replicas"] == {"webhook": "1/1", "worker": "1/2"}

    late[f"{gateway.team}/solar"] = gateway.status("solar")["configHash"]
    gateway.wait_for("solar", "Ready", "True")


def test_without_pods_it_says_which_are_missing(gateway: Gateway) -> None:
    gateway.start_operator()

    gateway.apply("solar")

    condition = gateway.wait_for("solar", "Programmed", "False", "NoReplicas")
    assert "no ready webhook and no ready worker pod" in condition["message"]
    assert gateway.condition("solar", "Accepted")["status"] == "True"


def test_a_pod_that_can_not_be_asked_makes_programmed_unknown(gateway: Gateway) -> None:
    gateway.start_pods()
    silent = gateway.add_pod("worker", "silent", dict)
    silent.close()
    gateway.start_operator()

    gateway.apply("solar")

    condition = gateway.wait_for("solar", "Programmed", "Unknown", "Unreachable")
    assert "1 of 2 worker pods could not be asked" in condition["message"]


@pytest.mark.parametrize("conditions", [{"ready": False}, {"terminating": True}])
def test_pods_that_do_not_serve_are_not_waited_for(gateway: Gateway, conditions: dict[str, bool]) -> None:
    gateway.start_pods()
    gateway.add_pod("webhook", "leaving", dict).show(**conditions)
    gateway.start_operator()

    gateway.apply("solar")

    gateway.wait_for("solar", "Ready", "True")


def test_a_paused_route_is_ready_and_says_that_it_is_paused(gateway: Gateway) -> None:
    gateway.start_pods()
    gateway.start_operator()

    gateway.apply("solar", paused=True)

    assert "leads are accepted and wait" in gateway.wait_for("solar", "Ready", "True", "Paused")["message"]


def test_a_change_of_one_route_writes_one_status(gateway: Gateway) -> None:
    gateway.start_pods()
    names = [f"route-{number}" for number in range(20)]
    for name in names:
        gateway.apply(name)
    operator = gateway.start_operator()
    for name in names:
        gateway.wait_for(name, "Ready", "True")
    before = {name: gateway.api.get(gateway.path(name))["metadata"]["resourceVersion"] for name in names}
    written = operator.metrics()["leadgateway_operator_status_writes_total"]

    gateway.apply("route-7", paused=True)
    gateway.wait_for("route-7", "Ready", "True", "Paused")

    after = {name: gateway.api.get(gateway.path(name))["metadata"]["resourceVersion"] for name in names}
    assert {name for name in names if before[name] != after[name]} == {"route-7"}
    # Accepted, then Programmed.
    assert operator.metrics()["leadgateway_operator_status_writes_total"] - written <= 2


def test_a_new_pod_changes_the_count_in_every_status(gateway: Gateway) -> None:
    table = gateway.start_pods()
    gateway.start_operator()
    for name in ("solar", "wind"):
        gateway.apply(name)
        gateway.wait_for(name, "Ready", "True")

    gateway.add_pod("worker", "another", lambda: dict(table.table.hashes()))

    for name in ("solar", "wind"):
        wait_until(
            lambda name=name: gateway.status(name)["replicas"]["worker"] == "2/2",  # type: ignore[misc]
            within=20,
            what="the count following",
        )


def test_a_status_that_somebody_edits_is_put_right(gateway: Gateway) -> None:
    gateway.start_pods()
    gateway.start_operator()
    gateway.apply("solar")
    gateway.wait_for("solar", "Ready", "True")

    gateway.api.merge(gateway.path("solar") + "/status", {"status": {"configHash": "forged", "conditions": []}})

    gateway.wait_for("solar", "Ready", "True")
    assert gateway.status("solar")["configHash"] != "forged"


def test_a_leadroute_that_takes_the_name_of_a_deleted_one_starts_from_nothing(gateway: Gateway) -> None:
    gateway.start_pods()
    gateway.start_operator()
    gateway.apply("solar", path="first")
    gateway.wait_for("solar", "Ready", "True")

    gateway.api.delete(gateway.path("solar"))
    gateway.api.create(gateway.path("").rstrip("/"), leadroute("solar", gateway.team, path="second"))

    gateway.wait_for("solar", "Ready", "True")
    assert gateway.status("solar")["url"] == "/webhooks/leads/second"
    entry = gateway.entry("solar")
    assert entry is not None
    assert entry["spec"]["path"] == "second"
