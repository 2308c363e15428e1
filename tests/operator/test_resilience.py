"""Whatever ends or restarts, the operator comes back to what the LeadRoutes say."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.operator.rig.cluster import CRD_PATH, install_crd
from tests.operator.rig.controlplane import ControlPlane
from tests.operator.rig.gateway import Gateway
from tests.operator.rig.manifests import LEADROUTES, secret, with_token
from tests.operator.rig.waiting import wait_until


@pytest.fixture
def control_plane(gateway: Gateway) -> ControlPlane:
    own = gateway.cluster.own
    if own is None:
        pytest.skip("only the tests' own control plane may be stopped; leave TEST_USE_EXISTING_CLUSTER unset")
    return own


@pytest.mark.timeout(420)
def test_twenty_restarts_of_the_api_server_lose_no_change(gateway: Gateway, control_plane: ControlPlane) -> None:
    operator = gateway.start_operator()
    wanted: dict[str, bool] = {}
    for number in range(20):
        # A change on each side of the cut, a deletion and a Secret among them.
        name = f"route-{number}"
        gateway.apply(name)
        wanted[name] = False
        control_plane.restart_api_server()
        if number >= 2:
            gateway.api.delete(gateway.path(f"route-{number - 2}"))
            wanted.pop(f"route-{number - 2}")
            gateway.apply(f"route-{number - 1}", paused=True)
            wanted[f"route-{number - 1}"] = True

    files = {f"{gateway.team}.{name}.json" for name in wanted}
    wait_until(lambda: gateway.published() == files, within=60, what="exactly the LeadRoutes that are left")
    for name, paused in wanted.items():
        gateway.wait_for(name, "Accepted", "True", within=30)
        entry = gateway.entry(name)
        assert entry is not None
        assert entry["spec"].get("paused", False) is paused
    assert operator.child is not None
    assert operator.child.exit_status is None


def test_deletions_during_an_outage_are_noticed(gateway: Gateway, control_plane: ControlPlane) -> None:
    gateway.start_operator()
    body = secret("customer", gateway.team, {"token": "s3cret"})
    gateway.api.apply(f"/api/v1/namespaces/{gateway.team}/secrets/customer", body)
    gateway.apply("solar", endpoint=with_token("customer"))
    gateway.apply("wind")
    for name in ("solar", "wind"):
        gateway.wait_for(name, "Accepted", "True")
    assert gateway.operator.child is not None

    # Stopped, the operator can't see the deletions; the restarted API server has forgotten them as events.
    os.kill(gateway.operator.child.pid, signal.SIGSTOP)
    gateway.api.delete(gateway.path("wind"))
    gateway.api.delete(f"/api/v1/namespaces/{gateway.team}/secrets/customer")
    control_plane.restart_api_server()
    os.kill(gateway.operator.child.pid, signal.SIGCONT)

    wait_until(lambda: gateway.published() == {f"{gateway.team}.solar.json"}, within=60, what="the deletion")
    gateway.wait_for("solar", "Accepted", "False", "CredentialsMissing", within=60)


def test_a_label_that_was_lost_during_an_outage_and_comes_back_is_noticed(
    gateway: Gateway, control_plane: ControlPlane
) -> None:
    operator = gateway.start_operator()
    path = f"/api/v1/namespaces/{gateway.team}/secrets/customer"
    labelled = secret("customer", gateway.team, {"token": "s3cret"})
    gateway.api.apply(path, labelled)
    gateway.apply("solar", endpoint=with_token("customer"))
    gateway.wait_for("solar", "Accepted", "True")
    assert operator.child is not None
    os.kill(operator.child.pid, signal.SIGSTOP)
    gateway.api.merge(path, {"metadata": {"labels": {"leadgateway.io/credentials": None}}})
    control_plane.restart_api_server()
    os.kill(operator.child.pid, signal.SIGCONT)
    gateway.wait_for("solar", "Accepted", "False", "CredentialsMissing", within=60)

    # The same object with the same UID: only one that was deleted never comes back.
    gateway.api.merge(path, {"metadata": {"labels": labelled["metadata"]["labels"]}})

    gateway.wait_for("solar", "Accepted", "True", within=10)
    assert operator.child.exit_status is None


def test_an_api_server_that_is_away_ends_nothing(gateway: Gateway, control_plane: ControlPlane) -> None:
    operator = gateway.start_operator()
    gateway.apply("solar")
    gateway.wait_for("solar", "Accepted", "True")
    assert operator.child is not None

    control_plane.stop_api_server()
    try:
        wait_until(
            lambda: operator.metrics()['leadgateway_operator_reconciles_total{outcome="error"}'] >= 2,
            within=60,
            what="failed rebuilds being counted",
        )
        assert operator.child.exit_status is None
        assert operator.is_alive()
    finally:
        control_plane.start_api_server()

    gateway.apply("wind")
    gateway.wait_for("wind", "Accepted", "True", within=60)


def test_an_operator_killed_in_a_burst_converges_after_its_restart(gateway: Gateway) -> None:
    gateway.start_operator()
    names = [f"route-{number}" for number in range(120)]
    for number, name in enumerate(names):
        gateway.apply(name)
        if number in {30, 60, 90}:
            gateway.operator.kill()
            gateway.operator.start()

    gateway.operator.kill()
    gateway.operator.start()

    files = {f"{gateway.team}.{name}.json" for name in names}
    wait_until(lambda: gateway.published() == files, within=60, what="all being published")
    for name in names:
        gateway.wait_for(name, "Accepted", "True", within=60)
    assert len(gateway.revisions()) == len(names)


def test_two_operators_at_once_do_no_harm(gateway: Gateway) -> None:
    gateway.start_pods()
    first = gateway.start_operator()
    second = gateway.start_operator()
    for round_ in range(3):
        for number in range(10):
            gateway.apply(f"route-{number}", paused=round_ % 2 == 1)
    for number in range(10):
        gateway.wait_for(f"route-{number}", "Ready", "True", within=30)

    def work() -> tuple[float, float]:
        names = ("status_writes_total", 'shard_writes_total{kind="routes"}', 'shard_writes_total{kind="credentials"}')
        both = [operator.metrics() for operator in (first, second)]
        writes = sum(metrics.get(f"leadgateway_operator_{name}", 0) for metrics in both for name in names)
        return min(m['leadgateway_operator_reconciles_total{outcome="success"}'] for m in both), writes

    # They agree, so once both have seen everything neither has anything to write.
    wait_until(lambda: is_calm(work), within=60, what="two rebuilds of each without a write")
    shards = gateway.config_maps()
    second.stop()
    assert gateway.config_maps() == shards


def is_calm(work: Callable[[], tuple[float, float]]) -> bool:
    rounds, writes = work()
    wait_until(lambda: work()[0] >= rounds + 2, within=40, what="two more rebuilds of each")
    return work()[1] == writes


def test_a_leadroute_can_be_deleted_while_the_operator_is_away(gateway: Gateway) -> None:
    gateway.start_operator()
    gateway.apply("solar")
    gateway.wait_for("solar", "Accepted", "True")
    gateway.operator.kill()
    metadata = gateway.api.get(gateway.path("solar"))["metadata"]
    assert "finalizers" not in metadata
    assert "annotations" not in metadata

    gateway.api.delete(gateway.path("solar"))

    assert gateway.api.find(gateway.path("solar")) is None
    gateway.operator.start()
    wait_until(lambda: gateway.published() == set(), within=20, what="the route going")


def test_a_leadroute_that_somebody_elses_finalizer_holds_runs_no_more(gateway: Gateway) -> None:
    gateway.start_operator()
    gateway.apply("solar")
    gateway.wait_for("solar", "Accepted", "True")
    gateway.api.merge(gateway.path("solar"), {"metadata": {"finalizers": ["example.com/hold"]}})

    gateway.api.delete(gateway.path("solar"))

    wait_until(lambda: gateway.published() == set(), within=15, what="the route going")
    gateway.api.merge(gateway.path("solar"), {"metadata": {"finalizers": None}})


def test_the_record_of_what_runs_goes_with_its_leadroute(gateway: Gateway, control_plane: ControlPlane) -> None:
    control_plane.start_garbage_collector()
    gateway.start_operator()
    gateway.apply("solar")
    gateway.wait_for("solar", "Accepted", "True")
    assert len(gateway.revisions()) == 1

    gateway.api.delete(gateway.path("solar"))

    wait_until(lambda: gateway.revisions() == [], within=60, what="the ControllerRevision being collected")


def test_an_operator_that_starts_before_the_crd_waits_and_says_so(
    gateway: Gateway, control_plane: ControlPlane
) -> None:
    gateway.api.delete(CRD_PATH)
    wait_until(lambda: gateway.api.find(LEADROUTES) is None, within=30, what="the CRD going")
    try:
        operator = gateway.start_operator(wait=False)
        wait_until(lambda: "there is no CRD for LeadRoutes" in operator.log(), within=20, what="the hint")
        assert not operator.is_ready()
        assert operator.is_alive()
    finally:
        install_crd(gateway.api)

    gateway.apply("solar")
    gateway.wait_for("solar", "Accepted", "True", within=30)


def test_a_forged_record_changes_nothing(gateway: Gateway) -> None:
    gateway.start_operator()
    gateway.apply("solar")
    gateway.wait_for("solar", "Accepted", "True")
    before = gateway.config_maps()
    uid = gateway.api.get(gateway.path("solar"))["metadata"]["uid"]
    owner = {"apiVersion": "leadgateway.io/v1alpha1", "kind": "LeadRoute", "name": "solar", "controller": True}
    other = gateway.make_namespace("other")

    for namespace, owner_uid in ((gateway.team, "0000"), (other, uid)):
        body = {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {
                "name": "forged",
                "labels": {"leadgateway.io/accepted-revision": "true"},
                "ownerReferences": [{**owner, "uid": owner_uid}],
            },
            "revision": 99,
            "data": {"spec": {"endpoint": {"url": "https://thief.example/"}}},
        }
        gateway.api.create(f"/apis/apps/v1/namespaces/{namespace}/controllerrevisions", body)
    gateway.apply("wind")
    gateway.wait_for("wind", "Accepted", "True")

    for name, data in gateway.config_maps().items():
        data.pop(f"{gateway.team}.wind.json", None)
        assert data.keys() == before[name].keys()
        assert all(before[name][file] == content for file, content in data.items() if file != "shard.json")


def test_a_signal_ends_the_operator_cleanly_and_soon(gateway: Gateway) -> None:
    operator = gateway.start_operator()
    assert operator.child is not None

    status = operator.child.stop(grace=10)

    assert status == 0
    assert "Traceback" not in operator.log()
