"""The operator may do what it does, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from tests.operator.rig.gateway import Gateway
from tests.operator.rig.manifests import secret, with_token
from tests.operator.rig.operator_process import RBAC
from tests.operator.rig.waiting import wait_until

Right = tuple[str, str, str]
"""API group, resource and verb."""


def granted() -> set[Right]:
    rules = [rule for document in yaml.safe_load_all(RBAC.read_text()) for rule in document.get("rules", ())]
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def audited(gateway: Gateway) -> Iterator[dict[str, Any]]:
    """What the API server recorded of this gateway's operator."""
    own = gateway.cluster.own
    if own is None:
        pytest.skip("the audit log of an existing cluster can't be read; leave TEST_USE_EXISTING_CLUSTER unset")
    user = f"system:serviceaccount:{gateway.namespace}:lead-gateway-operator"
    for line in own.audit_log.read_text().splitlines():
        entry = json.loads(line)
        if entry["user"]["username"] == user and "objectRef" in entry:
            yield entry


def rights(entry: dict[str, Any]) -> set[Right]:
    reference = entry["objectRef"]
    resource = reference["resource"] + (f"/{reference['subresource']}" if "subresource" in reference else "")
    # Applying what is not there yet is recorded as a patch, and needs the right to create as well.
    verbs = {entry["verb"]} | ({"create"} if entry["responseStatus"]["code"] == 201 else set())
    return {(reference.get("apiGroup", ""), resource, verb) for verb in verbs}


def live_a_little(gateway: Gateway) -> None:
    """Let the operator do everything that it does."""
    gateway.start_pods()
    pod = gateway.add_pod("webhook", "touched", dict)
    pod.create_object()
    gateway.start_operator(SHARDS="2")
    body = secret("customer", gateway.team, {"token": "s3cret"})
    gateway.api.apply(f"/api/v1/namespaces/{gateway.team}/secrets/customer", body)
    wait_until(lambda: 'role="webhook"' in str(gateway.operator.metrics()), within=20, what="the pods being found")
    gateway.apply("solar", endpoint=with_token("customer"))
    gateway.wait_for("solar", "Accepted", "True")
    gateway.apply("solar", endpoint=with_token("customer"), paused=True)
    gateway.wait_for("solar", "Accepted", "True")
    wait_until(lambda: len(gateway.revisions()) == 1, within=15, what="the older record going")
    gateway.operator.stop()
    gateway.operator.environment = {**gateway.operator.environment, "LEADGATEWAY_OPERATOR_SHARDS": "1"}
    gateway.operator.start()
    wait_until(lambda: len(gateway.config_maps()) == 1 == len(gateway.credentials()), within=30, what="one shard")
    # Makes it read a ConfigMap and a Secret: somebody else has written to them.
    for path in ("configmaps/lead-gateway-routes-0", "secrets/lead-gateway-credentials-0"):
        gateway.api.merge(f"/api/v1/namespaces/{gateway.namespace}/{path}", {"data": {"foreign": "AAAA"}})
    wait_until(lambda: not foreign_keys(gateway), within=30, what="the foreign keys going")


def foreign_keys(gateway: Gateway) -> bool:
    shards: list[Any] = [*gateway.config_maps().values(), *gateway.credentials().values()]
    return any("foreign" in data for data in shards)


def test_each_right_is_needed_and_none_is_missing(gateway: Gateway) -> None:
    live_a_little(gateway)

    used = {right for entry in audited(gateway) for right in rights(entry)}
    assert granted() - used == set()
    refused = [entry for entry in audited(gateway) if entry["responseStatus"]["code"] in {401, 403}]
    assert refused == []


def test_secrets_are_only_asked_for_by_label_or_by_name(gateway: Gateway) -> None:
    live_a_little(gateway)

    asked = [entry for entry in audited(gateway) if entry["objectRef"]["resource"] == "secrets"]

    assert asked
    for entry in asked:
        if entry["verb"] in {"list", "watch"}:
            assert "labelSelector=leadgateway.io/credentials=true" in unquote(entry["requestURI"])
        else:
            assert entry["objectRef"].get("name", "").startswith("lead-gateway-") or entry["verb"] == "create"


def test_nothing_is_written_to_a_leadroute_but_its_status(gateway: Gateway) -> None:
    live_a_little(gateway)

    written = {
        entry["objectRef"].get("subresource")
        for entry in audited(gateway)
        if entry["objectRef"]["resource"] == "leadroutes" and entry["verb"] not in {"get", "list", "watch"}
    }

    assert written == {"status"}
