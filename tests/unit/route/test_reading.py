"""What is wrong with the shape of a LeadRoute is said with its field, as an author would write it."""

from __future__ import annotations

from typing import Any

import pytest

from leadgateway.route.model import API_VERSION, KIND, LeadRoute, normalised_spec
from leadgateway.route.reading import field_path, read_route
from tests.building.routes import a_spec, lead_route

SECRET = {"name": "solar", "key": "token"}


def document(**changes: Any) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "solar"}, "spec": a_spec()} | changes


def problems(document: object) -> dict[str, str]:
    """Messages by field."""
    found = read_route(document)
    assert isinstance(found, list), "it can be read"
    return {problem.field: problem.message for problem in found}


def with_header(**header: str) -> dict[str, Any]:
    return a_spec(endpoint={"url": "https://customer.example/", "headers": [header]})


def with_limit(limit: float) -> dict[str, Any]:
    return a_spec(source={"rateLimit": {"requestsPerMinute": limit}})


def only_problem(spec: dict[str, Any]) -> tuple[str, str]:
    ((field, message),) = problems(document(spec=spec)).items()
    return field, message


def test_a_whole_route_is_read() -> None:
    metadata = {"name": "solar", "namespace": "sales", "generation": 3, "uid": "u", "labels": {"a": "b"}}

    route = read_route(document(metadata=metadata, status={"observedGeneration": 3, "conditions": [], "later": 1}))

    assert isinstance(route, LeadRoute)
    assert (route.key, route.metadata.generation) == ("sales/solar", 3)
    assert route.status is not None
    assert route.status.observed_generation == 3


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"apiVersion": "leadgateway.io/v1"}, "apiVersion", "write 'leadgateway.io/v1alpha1'"),
        ({"kind": "Route"}, "kind", "write 'LeadRoute'"),
        ({"metadata": {}}, "metadata.name", "required"),
        ({"metadata": {"name": "Solar"}}, "metadata.name", "must match"),
        ({"metadata": {"name": "a" * 101}}, "metadata.name", "at most 100 characters"),
        ({"metadata": {"name": "a", "namespace": "a.b"}}, "metadata.namespace", "must match"),
        ({"spec": []}, "spec", "write an object"),
        ({"extra": 1}, "extra", "there are apiVersion, kind, metadata, spec, status"),
    ],
)
def test_a_mistake_around_the_spec(changes: dict[str, Any], field: str, sentence: str) -> None:
    assert sentence in problems(document(**changes))[field]


@pytest.mark.parametrize("whole", [None, [], "text", 1])
def test_what_is_no_object_is_told_so(whole: object) -> None:
    assert problems(whole) == {"(document)": "write an object (fields with values)"}


@pytest.mark.parametrize(
    ("spec", "field", "sentence"),
    [
        (a_spec(pathh="x"), "spec.pathh", "did you mean path?"),
        (a_spec(colour="x"), "spec.colour", "there are default, endpoint, mapping"),
        (a_spec(paused="yes"), "spec.paused", "write true or false"),
        (a_spec(path=7), "spec.path", "in quotes"),
        (a_spec(path=""), "spec.path", "must not be empty"),
        (a_spec(mapping={}), "spec.mapping", "at least 1"),
        (a_spec(mapping=[]), "spec.mapping", "write an object"),
        (a_spec(mapping={"a": "email"}), "spec.mapping[a]", "write an object"),
        (a_spec(mapping={"a.b": {"form": "email"}}), "spec.mapping[a.b].form", "did you mean from?"),
        (a_spec(mapping={"a": {"from": "b", "type": "text"}}), "spec.mapping[a].type", "'string', 'integer'"),
        (a_spec(mapping={"a": {"from": "b", "enum": [True]}}), "spec.mapping[a].enum[0]", "write an integer, or a"),
        (a_spec(mapping={"a": {"from": "b", "enum": ["x" * 257]}}), "spec.mapping[a].enum[0]", "256 characters"),
        (a_spec(mapping={"a": {"from": "b", "region": "de"}}), "spec.mapping[a].region", "for example DE"),
        (a_spec(mapping={"a": {"from": "b", "min": "1"}}), "spec.mapping[a].min", "write a number"),
        (a_spec(mapping={"a": {"from": "b", "min": float("inf")}}), "spec.mapping[a].min", "finite"),
        (a_spec(mapping={"a": {"from": "x" * 257}}), "spec.mapping[a].from", "at most 256 characters"),
        (a_spec(validation={"rules": {}}), "spec.validation.rules", "write a list"),
        (a_spec(validation={"rules": [{"code": "zip"}]}), "spec.validation.rules[0].code", "example ZIP_NOT_66XXX"),
        (a_spec(validation={"rules": [{"cel": "true"}]}), "spec.validation.rules[0].code", "required"),
        (a_spec(validation={"rules": [{"code": "A"}] * 65}), "spec.validation.rules", "at most 64"),
        (with_limit(0), "spec.source.rateLimit.requestsPerMinute", "at least 1"),
        (with_limit(1.5), "spec.source.rateLimit.requestsPerMinute", "whole number"),
        (a_spec(source={"sharedSecrets": [SECRET] * 3}), "spec.source.sharedSecrets", "at most 2"),
        (a_spec(retry={"retryStatuses": [500]}), "spec.retry.retryStatuses[0]", "at most 499"),
        (a_spec(retry={"jitter": 2}), "spec.retry.jitter", "at most 1"),
        (a_spec(retry={"factor": 0.5}), "spec.retry.factor", "at least 1"),
        (a_spec(retry={"initialDelay": "1h30m"}), "spec.retry.initialDelay", "like 30s or 90d"),
        (a_spec(retry={"initialDelay": 30}), "spec.retry.initialDelay", "write a string"),
        (a_spec(endpoint={}), "spec.endpoint.url", "required"),
        (with_header(name="a b", value="c"), "spec.endpoint.headers[0].name", "must match"),
        (with_header(name="a", value="ü"), "spec.endpoint.headers[0].value", "must match"),
        (with_header(name="a", value="b\nc"), "spec.endpoint.headers[0].value", "must match"),
        (a_spec(tests=[{"name": "t", "lead": []}]), "spec.tests[0].lead", "write an object"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_spec(spec: dict[str, Any], field: str, sentence: str) -> None:
    found, message = only_problem(spec)

    assert found == field
    assert sentence in message


def test_every_mistake_is_told_at_once() -> None:
    assert set(problems(document(spec={"mapping": {"a": {"x": 1}}, "endpoint": {"url": 1, "timeout": "x"}}))) == {
        "spec.mapping[a].x",
        "spec.endpoint.url",
        "spec.endpoint.timeout",
    }


def test_no_message_repeats_what_stands_in_a_field() -> None:
    headers = [{"name": "X-Key", "value": "s3cret\n"}]

    assert "s3cret" not in str(problems(document(spec=a_spec(endpoint={"url": "x", "headers": headers}))))


def test_a_field_path_reads_as_kubernetes_writes_it() -> None:
    assert field_path(("spec", "mapping", "a.b", "enum", 0)) == "spec.mapping[a.b].enum[0]"
    assert field_path(("spec", "mapping", "mapping", "from")) == "spec.mapping[mapping].from"


def test_a_spec_is_normalised_whoever_filled_the_defaults_in() -> None:
    short = {"mapping": {"a": {"from": "b"}}, "endpoint": {"url": "https://customer.example/"}}
    long = {
        "default": False,
        "paused": False,
        "source": {"sharedSecrets": []},
        "validation": {"evaluate": "received", "rules": []},
        "mapping": {"a": {"from": "b", "required": False}},
        "endpoint": {"url": "https://customer.example/", "timeout": "10s", "concurrency": 16, "headers": []},
        "retry": {"factor": 2, "jitter": 0},
        "retention": {"payload": "90d"},
    }

    assert normalised_spec(lead_route("a", long).spec) == normalised_spec(lead_route("a", short).spec) == short


@pytest.mark.parametrize("value", [False, 0, "", [], {}, {"a": None}])
def test_normalising_keeps_falsy_json(value: object) -> None:
    spec = a_spec(
        validation={"rules": [{"code": "A", "field": "a", "equals": value}]},
        mapping={"a": {"value": value}},
        tests=[{"name": "t", "lead": {}, "deliver": {}}],
    )

    again = lead_route("a", normalised_spec(lead_route("a", spec).spec)).spec

    assert again == lead_route("a", spec).spec
    assert again.validation.rules[0].equals == again.mapping["a"].value == value
    assert again.tests[0].deliver == {}
