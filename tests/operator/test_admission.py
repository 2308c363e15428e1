"""The admission webhook refuses at `kubectl apply` what the schema can't check; else a condition says the same."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from tests.operator.rig.controlplane import host_address
from tests.operator.rig.gateway import Gateway
from tests.operator.rig.manifests import leadroute
from tests.operator.rig.operator_process import free_port
from tests.operator.rig.waiting import wait_until

CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
UNCLOSED = {"rules": [{"code": "ZIP", "field": "zip", "matches": "^66(\\d{3}$"}]}


def write_certificate(folder: Path, authority: trustme.CA) -> tuple[Path, Path]:
    """Write a certificate for the admission server, and its key."""
    issued = authority.issue_cert(host_address())
    certificate, key = folder / "tls.crt", folder / "tls.key"
    issued.private_key_pem.write_to_path(str(key))
    certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    return certificate, key


def configuration(gateway: Gateway, port: int, authority: bytes) -> dict[str, Any]:
    """As the chart registers it, but by URL: the operator of a test is no Service."""
    client = {
        "url": f"https://{host_address()}:{port}/leadroutes",
        "caBundle": base64.b64encode(authority).decode(),
    }
    rule = {"apiGroups": ["leadgateway.io"], "apiVersions": ["v1alpha1"], "resources": ["leadroutes"]}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"leadroutes-{gateway.suffix}"},
        "webhooks": [
            {
                "name": "leadroutes.leadgateway.io",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Ignore",
                "timeoutSeconds": 5,
                "rules": [{**rule, "operations": ["CREATE", "UPDATE"]}],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": gateway.team}},
                "clientConfig": client,
            }
        ],
    }


@pytest.fixture
def guarded(gateway: Gateway, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway whose admission webhook is registered and answers."""
    authority = trustme.CA()
    port = free_port()
    certificate, key = write_certificate(tmp_path, authority)
    gateway.start_operator(
        ADMISSION_PORT=str(port),
        ADMISSION_HOST=host_address(),
        ADMISSION_CERTIFICATE=str(certificate),
        ADMISSION_KEY=str(key),
    )
    body = configuration(gateway, port, authority.cert_pem.bytes())
    path = f"{CONFIGURATIONS}/{body['metadata']['name']}"
    gateway.api.apply(path, body)
    wait_until(lambda: refusal(gateway, "probe", validation=UNCLOSED), within=30, what="the webhook being asked")
    yield gateway
    gateway.api.delete(path)


def refusal(gateway: Gateway, name: str, **spec: Any) -> str:
    """Why the API server does not take a LeadRoute; empty when it does. Nothing is stored."""
    response = create(gateway, name, spec)
    return "" if response.is_success else str(response.json()["message"])


def create(gateway: Gateway, name: str, spec: dict[str, Any]) -> httpx.Response:
    return gateway.api.client.post(
        gateway.path("").rstrip("/"),
        params={"dryRun": "All"},
        json=leadroute(name, gateway.team, **spec),
    )


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"validation": UNCLOSED}, "spec.validation.rules[0].matches"),
        ({"mapping": {"a": {"cel": "lead.("}}}, "spec.mapping[a].cel"),
        (
            {"validation": {"rules": [{"code": "X", "cel": "lead.a.all(x, lead.a.all(y, lead.a.all(z, z == x)))"}]}},
            "spec.validation.rules[0].cel",
        ),
        ({"mapping": {"a": {"from": "x"}, "a.b": {"from": "y"}}}, "spec.mapping"),
        ({"retention": {"payload": "1h"}, "retry": {"maxRetries": 20, "maxDelay": "7d"}}, "spec.retention.payload"),
    ],
)
def test_a_refusal_names_the_field(guarded: Gateway, spec: dict[str, Any], field: str) -> None:
    message = refusal(guarded, "solar", **spec)

    assert "admission webhook" in message
    assert field in message


def test_every_problem_is_named_at_once(guarded: Gateway) -> None:
    message = refusal(guarded, "solar", validation=UNCLOSED, mapping={"a": {"cel": "lead.("}})

    assert "spec.validation.rules[0].matches" in message
    assert "spec.mapping[a].cel" in message


def test_a_conflict_names_the_holder(guarded: Gateway) -> None:
    guarded.apply("first", path="one", default=True)
    guarded.wait_for("first", "Accepted", "True")

    message = refusal(guarded, "second", path="one", default=True)

    assert f"spec.path: path one is held by LeadRoute {guarded.team}/first" in message
    assert f"spec.default: LeadRoute {guarded.team}/first takes the posts without a path" in message


def test_a_sound_leadroute_is_taken(guarded: Gateway) -> None:
    assert refusal(guarded, "solar") == ""


def test_a_failing_example_is_a_warning_since_a_condition_will_show_the_difference(guarded: Gateway) -> None:
    example = {"name": "one", "lead": {"email": "a@b.example"}, "deliver": {}}

    response = create(guarded, "solar", {"tests": [example]})

    assert response.is_success
    assert "spec.tests: one: it would be delivered with other contents" in response.headers["warning"]


def test_what_only_touches_the_metadata_of_a_stored_mistake_is_let_through(guarded: Gateway) -> None:
    guarded.operator.kill()
    guarded.apply("solar", validation=UNCLOSED)
    guarded.api.merge(guarded.path("solar"), {"metadata": {"finalizers": ["example.com/hold"]}})
    guarded.operator.start()
    guarded.operator.wait_until_ready()
    guarded.wait_for("solar", "Accepted", "False", "Invalid")

    guarded.api.merge(guarded.path("solar"), {"metadata": {"labels": {"a": "b"}}})
    guarded.api.delete(guarded.path("solar"))
    guarded.api.merge(guarded.path("solar"), {"metadata": {"finalizers": None}})

    assert guarded.api.find(guarded.path("solar")) is None


def test_without_the_webhook_the_same_sentence_is_a_condition(guarded: Gateway) -> None:
    refused = refusal(guarded, "solar", validation=UNCLOSED)
    guarded.api.delete(f"{CONFIGURATIONS}/leadroutes-{guarded.suffix}")
    wait_until(lambda: not refusal(guarded, "solar", validation=UNCLOSED), within=20, what="no refusal any more")

    guarded.apply("solar", validation=UNCLOSED)

    sentence = guarded.wait_for("solar", "Accepted", "False", "Invalid")["message"].partition(". Meanwhile")[0]
    assert sentence in refused


def test_an_operator_that_is_away_keeps_nobody_from_applying(guarded: Gateway) -> None:
    guarded.operator.kill()

    guarded.apply("solar", validation=UNCLOSED)

    assert json.dumps(UNCLOSED["rules"][0]["matches"]) in json.dumps(guarded.api.get(guarded.path("solar")))
