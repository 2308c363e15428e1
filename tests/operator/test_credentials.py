"""Credentials come from labelled Secrets of the LeadRoute's own namespace, and appear in Secret shards alone."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from leadgateway.route.shard import fingerprint, write_credentials
from leadgateway.route.snapshot import Credentials
from tests.operator.rig.gateway import Gateway
from tests.operator.rig.manifests import secret, with_token
from tests.operator.rig.waiting import wait_until


def apply_secret(gateway: Gateway, name: str, values: dict[str, str], *, labelled: bool = True) -> None:
    body = secret(name, gateway.team, values, labelled=labelled)
    gateway.api.apply(f"/api/v1/namespaces/{gateway.team}/secrets/{name}", body)


def published_token(gateway: Gateway, name: str) -> str | None:
    file = f"{gateway.team}.{name}.json"
    found = [data[file] for data in gateway.credentials().values() if file in data]
    return str(json.loads(found[0])["token"]) if found else None


def test_a_missing_secret_is_a_condition_until_it_is_there(gateway: Gateway) -> None:
    gateway.start_pods()
    gateway.start_operator()
    gateway.apply("solar", endpoint=with_token("customer"))

    condition = gateway.wait_for("solar", "Accepted", "False", "CredentialsMissing")
    assert "spec.endpoint.token: there is no Secret customer with the label" in condition["message"]

    apply_secret(gateway, "customer", {"token": "s3cret-token"})
    gateway.wait_for("solar", "Ready", "True")
    assert published_token(gateway, "solar") == "s3cret-token"


def test_a_missing_key_is_named(gateway: Gateway) -> None:
    gateway.start_operator()
    apply_secret(gateway, "customer", {"other": "value"})

    gateway.apply("solar", endpoint=with_token("customer"))

    condition = gateway.wait_for("solar", "Accepted", "False", "CredentialsMissing")
    assert "Secret customer has no key token" in condition["message"]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("token\n", "begins or ends with a blank or a line break"),
        ("", "is empty"),
        ("tök\x00en", "holds characters that no HTTP header can carry"),
    ],
)
def test_a_value_that_no_header_can_carry_is_named_without_being_shown(
    gateway: Gateway, value: str, sentence: str
) -> None:
    gateway.start_operator()
    apply_secret(gateway, "customer", {"token": value})

    gateway.apply("solar", endpoint=with_token("customer"))

    condition = gateway.wait_for("solar", "Accepted", "False", "CredentialsInvalid")
    assert sentence in condition["message"]


def test_a_secret_without_the_label_can_not_be_sent_away(gateway: Gateway) -> None:
    gateway.start_operator()
    apply_secret(gateway, "database", {"token": "hands-off"}, labelled=False)

    gateway.apply("solar", endpoint=with_token("database"))

    gateway.wait_for("solar", "Accepted", "False", "CredentialsMissing")
    apply_secret(gateway, "database", {"token": "hands-off"}, labelled=True)
    gateway.wait_for("solar", "Accepted", "True")


def test_a_secret_of_another_namespace_can_not_be_sent_away(gateway: Gateway) -> None:
    other = gateway.make_namespace("other")
    gateway.start_operator(WATCH_NAMESPACES=f"{gateway.team},{other}")
    body = secret("customer", other, {"token": "theirs"})
    gateway.api.apply(f"/api/v1/namespaces/{other}/secrets/customer", body)

    gateway.apply("solar", endpoint=with_token("customer"))

    gateway.wait_for("solar", "Accepted", "False", "CredentialsMissing")


def test_a_rotated_token_reaches_the_pods_without_a_new_generation(gateway: Gateway) -> None:
    table = gateway.start_pods()
    gateway.start_operator()
    apply_secret(gateway, "customer", {"token": "first"})
    gateway.apply("solar", endpoint=with_token("customer"))
    gateway.wait_for("solar", "Ready", "True")
    before = gateway.status("solar")["configHash"]
    key = f"{gateway.team}/solar"
    assert table.table.by_key[key].credentials.token == "first"

    apply_secret(gateway, "customer", {"token": "second"})

    wait_until(
        lambda: table.table.by_key[key].credentials.token == "second", within=15, what="the pods loading the new token"
    )
    wait_until(lambda: gateway.status("solar")["configHash"] != before, within=15, what="the hash following")
    gateway.wait_for("solar", "Ready", "True")
    assert gateway.api.get(gateway.path("solar"))["metadata"]["generation"] == 1


def test_pods_go_on_with_what_they_have_when_a_secret_is_deleted(gateway: Gateway) -> None:
    table = gateway.start_pods()
    gateway.start_operator()
    apply_secret(gateway, "customer", {"token": "first"})
    gateway.apply("solar", endpoint=with_token("customer"))
    gateway.wait_for("solar", "Ready", "True")

    gateway.api.delete(f"/api/v1/namespaces/{gateway.team}/secrets/customer")

    condition = gateway.wait_for("solar", "Accepted", "False", "CredentialsMissing")
    assert "pods that have loaded it already go on with it" in condition["message"]
    wait_until(lambda: published_token(gateway, "solar") is None, within=15, what="the token being withdrawn")
    route = table.table.find("solar")
    assert route == table.table.by_key[f"{gateway.team}/solar"]
    apply_secret(gateway, "customer", {"token": "second"})
    gateway.wait_for("solar", "Ready", "True")


def test_nothing_secret_is_anywhere_but_in_secrets(gateway: Gateway) -> None:
    secrets = {"token": "T0KEN-aaaa", "shared": "SH4RED-bbbb", "header": "HE4DER-cccc"}
    gateway.start_pods()
    operator = gateway.start_operator()
    apply_secret(gateway, "customer", secrets)
    spec: dict[str, Any] = {
        "endpoint": {
            **with_token("customer"),
            "headers": [{"name": "X-Api-Key", "secretKeyRef": {"name": "customer", "key": "header"}}],
        },
        "source": {"sharedSecrets": [{"name": "customer", "key": "shared"}]},
    }
    gateway.apply("solar", **spec)
    gateway.wait_for("solar", "Ready", "True")
    for value in ("unusable\n", secrets["token"] + "-rotated"):
        apply_secret(gateway, "customer", {**secrets, "token": value})
        gateway.wait_for("solar", "Accepted", "False" if value.endswith("\n") else "True")
    gateway.api.delete(f"/api/v1/namespaces/{gateway.team}/secrets/customer")
    gateway.wait_for("solar", "Accepted", "False", "CredentialsMissing")
    wait_until(lambda: len(events(gateway)) >= 4, within=15, what="events being posted")

    searched = {
        "config maps": json.dumps(gateway.config_maps()),
        "LeadRoutes": json.dumps(gateway.api.items(gateway.path("").rstrip("/"))),
        "events": json.dumps(events(gateway)),
        "revisions": json.dumps(gateway.revisions()),
        "log": operator.log(),
        "metrics": json.dumps(operator.metrics()),
    }

    for value in secrets.values():
        for form in (value, base64.b64encode(value.encode()).decode()):
            assert [place for place, text in searched.items() if form in text] == []


def events(gateway: Gateway) -> list[dict[str, object]]:
    return gateway.api.items(f"/api/v1/namespaces/{gateway.team}/events")


def test_hashes_tell_nothing_to_those_who_guess_secrets(gateway: Gateway) -> None:
    gateway.start_operator()
    apply_secret(gateway, "customer", {"token": "guess-me"})
    gateway.apply("solar", endpoint=with_token("customer"))
    gateway.apply("other", endpoint=with_token("customer"))
    gateway.wait_for("solar", "Accepted", "True")
    shown = (gateway.entry("solar") or {})["credentials"]

    key = gateway.api.get(f"/api/v1/namespaces/{gateway.namespace}/secrets/lead-gateway-fingerprint")["data"]
    key_bytes = base64.b64decode(key["fingerprint-key"])

    assert len(key_bytes) == 32
    file = write_credentials(Credentials(token="guess-me"))
    assert shown == fingerprint(file, key_bytes)
    assert shown != fingerprint(file, b"")
