"""The CRD in a real API server: accepted as it is, strict, and documented for `kubectl explain`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.operator.rig.cluster import CRD_PATH, REPOSITORY, Cluster
from tests.operator.rig.gateway import Gateway
from tests.operator.rig.manifests import LEADROUTES, leadroute

SAMPLES = sorted((REPOSITORY / "crds" / "samples").rglob("*.yaml"))


def dry_run(cluster: Cluster, spec: dict[str, Any], name: str = "solar") -> str:
    """Create a LeadRoute without storing it; returns the refusal, or nothing."""
    response = cluster.api.client.post(
        f"{LEADROUTES}/namespaces/default/leadroutes",
        params={"dryRun": "All", "fieldValidation": "Strict"},
        json=leadroute(name, "default", **spec),
    )
    return str(response.json()["message"]) if response.status_code in {400, 422} else ""


def test_the_schema_is_structural_and_its_rules_are_cheap_enough(cluster: Cluster) -> None:
    crd = cluster.api.get(CRD_PATH)

    conditions = {c["type"]: (c["status"], c["message"]) for c in crd["status"]["conditions"]}
    assert conditions["Established"][0] == "True"
    assert "NonStructuralSchema" not in conditions
    assert not crd["spec"].get("preserveUnknownFields")


def test_the_crd_is_applied_without_a_warning(cluster: Cluster) -> None:
    done = cluster.kubectl("apply", "--server-side", "--dry-run=server", "-f", str(REPOSITORY / "crds/leadroutes.yaml"))

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: str(path.relative_to(REPOSITORY / "crds/samples")))
def test_the_api_server_takes_every_sample(cluster: Cluster, sample: Path) -> None:
    done = cluster.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", str(sample))

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_field_that_does_not_exist_is_refused_by_name(cluster: Cluster) -> None:
    message = dry_run(cluster, {"endpoint": {"url": "https://customer.example/", "timeOut": "10s"}})

    assert 'unknown field "spec.endpoint.timeOut"' in message


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"path": "two/segments"}, "a path is one segment of lower-case letters"),
        ({"endpoint": {"url": "ftp://customer.example/"}}, "begin the URL with https://"),
        ({"endpoint": {"url": "https://user:password@customer.example/"}}, "the URL must hold no credentials"),
        ({"endpoint": {"url": "https://customer.example/", "timeout": "ten"}}, "write a whole number and one unit"),
        ({"endpoint": {"url": "https://customer.example/", "headers": [{"name": "X"}]}}, "a header has exactly one"),
        ({"validation": {"rules": [{"code": "X"}]}}, '"spec.validation.rules[0]" must validate one'),
        (
            {"validation": {"rules": [{"code": "X", "required": ["a"], "cel": "true"}]}},
            "a rule makes exactly one check",
        ),
        ({"validation": {"rules": [{"code": "X", "matches": "a"}]}}, "need field, the dot path they check"),
        ({"validation": {"rules": [{"code": "X", "field": "a", "range": {}}]}}, "a range needs min, max or both"),
        ({"validation": {"rules": [{"code": "lower", "cel": "true"}]}}, "spec.validation.rules[0].code"),
        ({"mapping": {"a": {"from": "x", "cel": "lead.x"}}}, "a target has exactly one source"),
        ({"mapping": {"a": {}}}, "spec.mapping.a"),
        ({"mapping": {}}, "spec.mapping"),
        ({"tests": [{"name": "x", "lead": {}}]}, "a test has exactly one of deliver and reject"),
        ({"source": {"sharedSecretField": "key"}}, "sharedSecretField needs sharedSecrets"),
        ({"source": {"rateLimit": {"requestsPerMinute": 0}}}, "spec.source.rateLimit.requestsPerMinute"),
        ({"retry": {"maxRetries": 21}}, "spec.retry.maxRetries"),
        ({"retention": {"payload": "90"}}, "spec.retention.payload"),
    ],
)
def test_a_mistake_is_refused_with_a_sentence(cluster: Cluster, spec: dict[str, Any], sentence: str) -> None:
    assert sentence in dry_run(cluster, spec)


def test_a_name_that_is_too_long_to_be_a_path_is_refused(cluster: Cluster) -> None:
    assert "metadata.name has at most 100 characters" in dry_run(cluster, {}, name="a" * 101)


def test_what_is_left_out_gets_its_default(cluster: Cluster) -> None:
    body = leadroute("solar", "default")

    made = cluster.api.apply(f"{LEADROUTES}/namespaces/default/leadroutes/solar", body, dryRun="All")

    assert made["spec"]["default"] is False
    assert made["spec"]["endpoint"]["timeout"] == "10s"
    assert made["spec"]["endpoint"]["concurrency"] == 16


def test_two_managers_can_each_own_a_header(gateway: Gateway) -> None:
    body = leadroute("solar", gateway.team)
    for manager, name in (("one", "X-One"), ("two", "X-Two")):
        body["spec"]["endpoint"]["headers"] = [{"name": name, "value": "1"}]
        gateway.api.apply(gateway.path("solar"), body, fieldManager=manager)

    headers = gateway.api.get(gateway.path("solar"))["spec"]["endpoint"]["headers"]

    assert [header["name"] for header in headers] == ["X-One", "X-Two"]


def test_leadroutes_can_be_selected_by_field(gateway: Gateway) -> None:
    gateway.apply("first", default=True, path="one")
    gateway.apply("second", path="two")

    def select(selector: str) -> str:
        command = ("get", "lr", "-n", gateway.team, "--field-selector", selector, "-o", "name")
        return gateway.cluster.kubectl(*command).stdout.strip()

    assert select("spec.path=two") == "leadroute.leadgateway.io/second"
    assert select("spec.default=true") == "leadroute.leadgateway.io/first"


def test_the_category_lists_leadroutes(gateway: Gateway) -> None:
    gateway.apply("solar")

    listed = gateway.cluster.kubectl("get", "leadgateway", "-n", gateway.team, "-o", "name")

    assert listed.stdout.strip() == "leadroute.leadgateway.io/solar"


def test_kubectl_explain_reads_like_documentation(cluster: Cluster) -> None:
    done = cluster.kubectl("explain", "leadroute.spec.mapping")

    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "The payload: target fields and where they come from." in text
    assert "Source: dot path into the normalised lead" in text


def fields(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}.{name}", inner
        yield from fields(inner, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from fields(schema[key], path)


def test_every_field_has_a_description(cluster: Cluster) -> None:
    crd = cluster.api.get(CRD_PATH)
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]

    undescribed = [
        path
        for part in ("spec", "status")
        for path, field in [(part, schema[part]), *fields(schema[part], part)]
        if not field.get("description")
    ]

    assert undescribed == []


def test_every_list_map_and_string_is_bounded(cluster: Cluster) -> None:
    crd = cluster.api.get(CRD_PATH)
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

    unbounded = [path for path, field in fields(spec, "spec") if is_unbounded(field)]

    assert unbounded == []


def is_unbounded(field: dict[str, Any]) -> bool:
    match field.get("type"):
        case "array":
            return "maxItems" not in field
        case "string":
            return "maxLength" not in field and "enum" not in field
        case "object" if "additionalProperties" in field:
            return "maxProperties" not in field
    return False


def test_only_what_must_be_is_free_json(cluster: Cluster) -> None:
    crd = cluster.api.get(CRD_PATH)
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

    free = {path.rpartition(".")[2] for path, field in fields(spec, "spec") if is_free(field)}

    assert free == {"equals", "in", "value", "default", "lead", "deliver"}


def is_free(field: dict[str, Any]) -> bool:
    return any(part.get("x-kubernetes-preserve-unknown-fields") for part in (field, field.get("items", {})))
