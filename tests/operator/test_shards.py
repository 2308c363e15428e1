"""The shards hold exactly what the LeadRoutes say, whoever touches them, and are written only where they differ."""

from __future__ import annotations

import base64
from typing import Any

from tests.operator.rig.gateway import Gateway
from tests.operator.rig.manifests import leadroute, secret, with_token
from tests.operator.rig.waiting import wait_until


def config_map(gateway: Gateway, index: int) -> str:
    return f"/api/v1/namespaces/{gateway.namespace}/configmaps/lead-gateway-routes-{index}"


def credentials_secret(gateway: Gateway, index: int) -> str:
    return f"/api/v1/namespaces/{gateway.namespace}/secrets/lead-gateway-credentials-{index}"


def shard_with_route(gateway: Gateway) -> int:
    return next(int(name.rpartition("-")[2]) for name, data in gateway.config_maps().items() if len(data) > 1)


def with_one_route(gateway: Gateway) -> int:
    """Run an operator with one LeadRoute that uses a Secret; returns its shard."""
    gateway.start_operator()
    body = secret("customer", gateway.team, {"token": "s3cret"})
    gateway.api.apply(f"/api/v1/namespaces/{gateway.team}/secrets/customer", body)
    gateway.apply("solar", endpoint=with_token("customer"))
    gateway.wait_for("solar", "Accepted", "True")
    return shard_with_route(gateway)


def test_every_shard_is_there_even_without_any_leadroute(gateway: Gateway) -> None:
    gateway.start_operator()

    wait_until(lambda: len(gateway.config_maps()) == gateway.shards, within=10, what="the empty shards")
    assert set(gateway.credentials()) == {f"lead-gateway-credentials-{index}" for index in range(gateway.shards)}
    assert gateway.config_maps()["lead-gateway-routes-0"] == {"shard.json": '{"of":4,"routes":0,"shard":0}'}


def test_a_config_map_that_somebody_edits_is_put_right(gateway: Gateway) -> None:
    index = with_one_route(gateway)
    before = gateway.config_maps()

    gateway.api.merge(
        config_map(gateway, index),
        {"data": {f"{gateway.team}.solar.json": "{}", "foreign.json": "{}"}, "binaryData": {"more": "AAAA"}},
    )

    wait_until(lambda: gateway.config_maps() == before, within=10, what="the ConfigMap being put right")
    assert "binaryData" not in gateway.api.get(config_map(gateway, index))


def test_a_config_map_that_somebody_deletes_comes_back(gateway: Gateway) -> None:
    index = with_one_route(gateway)
    before = gateway.config_maps()

    gateway.api.delete(config_map(gateway, index))

    wait_until(lambda: gateway.config_maps() == before, within=10, what="the ConfigMap coming back")


def test_a_config_map_that_somebody_makes_immutable_is_replaced_when_it_must_change(gateway: Gateway) -> None:
    index = with_one_route(gateway)
    gateway.api.merge(config_map(gateway, index), {"immutable": True})

    gateway.api.delete(gateway.path("solar"))

    wait_until(lambda: gateway.published() == set(), within=15, what="the ConfigMap being replaced")


def test_a_credentials_shard_that_somebody_edits_or_deletes_is_put_right(gateway: Gateway) -> None:
    index = with_one_route(gateway)
    before = gateway.credentials()

    gateway.api.merge(credentials_secret(gateway, index), {"data": {f"{gateway.team}.solar.json": None}})
    wait_until(lambda: gateway.credentials() == before, within=20, what="the Secret being put right")

    gateway.api.delete(credentials_secret(gateway, index))
    wait_until(lambda: gateway.credentials() == before, within=20, what="the Secret coming back")


def versions(gateway: Gateway) -> dict[str, str]:
    paths = [path(gateway, index) for index in range(gateway.shards) for path in (config_map, credentials_secret)]
    return {path: gateway.api.get(path)["metadata"]["resourceVersion"] for path in paths}


def test_a_change_writes_the_shards_that_it_concerns_and_no_others(gateway: Gateway) -> None:
    index = with_one_route(gateway)
    before = versions(gateway)

    gateway.apply("solar", endpoint=with_token("customer"), paused=True)
    gateway.wait_for("solar", "Accepted", "True")

    after = versions(gateway)
    assert [path for path in before if before[path] != after[path]] == [config_map(gateway, index)]


def test_an_operator_that_starts_anew_writes_nothing_that_is_there_already(gateway: Gateway) -> None:
    with_one_route(gateway)
    before = versions(gateway)
    revisions = gateway.revisions()
    status = gateway.api.get(gateway.path("solar"))

    gateway.operator.stop()
    gateway.operator.start()
    gateway.operator.wait_until_ready()
    wait_until(
        lambda: gateway.operator.metrics()['leadgateway_operator_reconciles_total{outcome="success"}'] >= 2,
        within=20,
        what="two rebuilds",
    )

    assert versions(gateway) == before
    assert gateway.revisions() == revisions
    assert gateway.api.get(gateway.path("solar")) == status


def test_nothing_is_written_before_the_first_lists_are_complete(gateway: Gateway) -> None:
    for number in range(30):
        gateway.apply(f"route-{number}")
    gateway.start_operator()
    wait_until(lambda: len(gateway.published()) == 30, within=20, what="all being published")
    gateway.operator.kill()

    # Whoever wrote from a part of the lists would first write shards with fewer routes.
    seen: set[int] = set()

    def look() -> bool:
        seen.add(len(gateway.published()))
        return gateway.operator.is_ready()

    gateway.operator.start()
    wait_until(look, within=20, what="the new operator", interval=0.02)

    assert seen == {30}


def test_shards_are_owned_by_one_field_manager(gateway: Gateway) -> None:
    index = with_one_route(gateway)

    managers = gateway.api.get(config_map(gateway, index))["metadata"]["managedFields"]

    assert [(m["manager"], m["operation"]) for m in managers] == [("lead-gateway-operator", "Apply")]


def test_the_number_of_shards_can_grow_and_shrink_without_losing_a_route(gateway: Gateway) -> None:
    table = gateway.start_pods()
    gateway.start_operator(SHARDS="2")
    names = {f"route-{number}" for number in range(12)}
    for name in names:
        gateway.apply(name)
    for name in names:
        gateway.wait_for(name, "Ready", "True")
    lost: set[str] = set()

    def watch_and(condition: Any) -> Any:
        lost.update(names - {key.partition("/")[2] for key in table.table.by_key})
        return condition()

    for count in (4, 1):
        gateway.operator.stop()
        gateway.operators[0].environment = {
            **gateway.operator.environment,
            "LEADGATEWAY_OPERATOR_SHARDS": str(count),
        }
        gateway.operator.start()
        wait_until(
            lambda count=count: watch_and(  # type: ignore[misc]
                lambda: (
                    set(gateway.config_maps()) == {f"lead-gateway-routes-{index}" for index in range(count)}
                    and set(gateway.credentials()) == {f"lead-gateway-credentials-{index}" for index in range(count)}
                )
            ),
            within=30,
            what=f"{count} shards",
            interval=0.02,
        )
        gateway.apply("route-0", paused=count == 4)
        wait_until(
            lambda: watch_and(lambda: gateway.condition("route-0", "Ready").get("status") == "True"),
            within=20,
            what="a change reaching the pods through the new shards",
        )

    assert lost == set()


def test_fewer_shards_than_the_running_routes_fill_are_refused(gateway: Gateway) -> None:
    values = [{"code": "R", "field": "a", "in": ["x" * 1000 for _ in range(400)]}]
    gateway.start_operator(SHARDS="4")
    for number in range(4):
        gateway.apply(f"route-{number}", validation={"rules": values})
        gateway.wait_for(f"route-{number}", "Accepted", "True")
    before = gateway.config_maps()
    gateway.operator.stop()

    gateway.operators[0].environment = {**gateway.operator.environment, "LEADGATEWAY_OPERATOR_SHARDS": "1"}
    gateway.operator.start()

    wait_until(lambda: "do not fit into 1 shards" in gateway.operator.log(), within=20, what="the refusal")
    assert not gateway.operator.is_ready()
    assert gateway.config_maps() == before


def test_the_operators_shards_wiped_while_it_is_down_come_back_as_they_were(gateway: Gateway) -> None:
    with_one_route(gateway)
    gateway.apply("wind", path="breeze")
    gateway.wait_for("wind", "Accepted", "True")
    gateway.api.apply(
        gateway.path("wind"),
        leadroute("wind", gateway.team, validation={"rules": [{"code": "X", "field": "a", "matches": "("}]}),
    )
    gateway.wait_for("wind", "Accepted", "False", "Invalid")
    before = gateway.config_maps(), gateway.credentials()
    gateway.operator.kill()
    for index in range(gateway.shards):
        gateway.api.delete(config_map(gateway, index))
        gateway.api.delete(credentials_secret(gateway, index))
    assert gateway.config_maps() == {}

    gateway.operator.start()

    wait_until(lambda: (gateway.config_maps(), gateway.credentials()) == before, within=20, what="all coming back")


def test_a_lost_fingerprint_key_is_made_anew_and_pods_follow(gateway: Gateway) -> None:
    gateway.start_pods()
    with_one_route(gateway)
    gateway.wait_for("solar", "Ready", "True")
    before = gateway.status("solar")["configHash"]
    gateway.operator.stop()
    gateway.api.delete(f"/api/v1/namespaces/{gateway.namespace}/secrets/lead-gateway-fingerprint")

    gateway.operator.start()

    wait_until(lambda: gateway.status("solar")["configHash"] != before, within=20, what="another hash")
    gateway.wait_for("solar", "Ready", "True")


def test_a_fingerprint_key_that_can_not_be_used_is_named_at_the_start(gateway: Gateway) -> None:
    path = f"/api/v1/namespaces/{gateway.namespace}/secrets/lead-gateway-fingerprint"
    body = secret("lead-gateway-fingerprint", gateway.namespace, {"fingerprint-key": "short"}, labelled=False)
    gateway.api.apply(path, body)

    operator = gateway.start_operator(wait=False)

    assert operator.child is not None
    wait_until(lambda: operator.child and operator.child.exit_status is not None, within=20, what="the end")
    assert operator.child.exit_status == 1
    assert "the operator can't start: Secret lead-gateway-fingerprint has no fingerprint-key" in operator.log()
    assert base64.b64encode(b"short").decode() not in operator.log()
