"""What the API server's rules refuse is what compile refuses: each rule is tried on both.

The rules are evaluated by our own CEL library here, on the smallest object that each is about; the tests against a real
API server try the whole definition.
"""

from __future__ import annotations

from typing import Any

import cel
import pytest

from leadgateway.route.compile import compile_route
from leadgateway.route.crd import structural_schema
from leadgateway.route.model import API_VERSION, KIND, LeadRoute
from leadgateway.route.reading import read_route
from tests.building.routes import a_spec

SPEC = structural_schema()["properties"]["spec"]["properties"]
SECRET = {"name": "solar", "key": "token"}


def refusals(schema: dict[str, Any], value: object) -> list[str]:
    """Messages of the rules that an object breaks."""
    rules = schema.get("x-kubernetes-validations", [])
    return [rule["message"] for rule in rules if not cel.compile(rule["rule"]).execute({"self": value})]


def is_compiled(spec: dict[str, Any], name: str = "solar") -> bool:
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}
    route = read_route(document)
    return isinstance(route, LeadRoute) and not isinstance(compile_route(route), list)


def test_every_rule_is_cel() -> None:
    def rules(schema: object) -> list[str]:
        if isinstance(schema, list):
            return [rule for item in schema for rule in rules(item)]
        if not isinstance(schema, dict):
            return []
        own = [each["rule"] for each in schema.get("x-kubernetes-validations", ())]
        return own + [rule for child in schema.values() for rule in rules(child)]

    found = rules(structural_schema())

    assert len(found) > 15
    for rule in found:
        cel.compile(rule)


@pytest.mark.parametrize("path", ["solar", "a", "a.b_c-d", "a/b", "A", "-a", "a-", ".", "a b", "ä"])
def test_a_path(path: str) -> None:
    assert (refusals(SPEC["path"], path) == []) == is_compiled(a_spec(path=path))


@pytest.mark.parametrize("text", ["30s", "0s", "90d", "50ms", "", "30", "1h30m", "-1s", "1.5h", "01s", "1S"])
def test_a_duration(text: str) -> None:
    schema = SPEC["retention"]["properties"]["payload"]
    delay = {"initialDelay": text, "maxDelay": "7d"}
    retention = {"payload": "3650d", "records": "3650d"}

    assert (refusals(schema, text) == []) == is_compiled(
        a_spec(retry=delay | {"maxRetries": 1}, retention=retention)
    ) or (
        text == "90d"  # too long for a delay, which the API server can't tell
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://customer.example/",
        "http://customer.example:8080/a?b=c@d",
        "https://[2606:4700::1]/",
        "ftp://customer.example/",
        "https://",
        "https:///a",
        "https://user@customer.example/",
        "https://user:secret@customer.example/",
        "https://customer.example/ a",
        "https://customer.example/#a",
        "customer.example",
    ],
)
def test_a_url(url: str) -> None:
    assert (refusals(SPEC["endpoint"]["properties"]["url"], url) == []) == is_compiled(a_spec(url))


@pytest.mark.parametrize(
    "rule",
    [
        {"required": ["a"]},
        {"cel": "true"},
        {"field": "a", "matches": "a"},
        {"field": "a", "range": {"min": 1}},
        {"matches": "a"},
        {"field": "a", "required": ["a"]},
        {"field": "a", "cel": "true"},
        {"required": ["a"], "cel": "true"},
        {"field": "a", "matches": "a", "range": {"min": 1}},
        {},
    ],
)
def test_a_rule_makes_one_check(rule: dict[str, Any]) -> None:
    schema = SPEC["validation"]["properties"]["rules"]["items"]

    assert (refusals(schema, rule) == []) == is_compiled(a_spec(validation={"rules": [{"code": "X", **rule}]}))


@pytest.mark.parametrize("bounds", [{"min": 1}, {"max": 1}, {"min": 1, "max": 1}, {"min": 2, "max": 1}, {}])
def test_a_range_has_bounds(bounds: dict[str, Any]) -> None:
    schema = SPEC["validation"]["properties"]["rules"]["items"]["properties"]["range"]
    rule = {"code": "X", "field": "a", "range": bounds}

    assert (refusals(schema, bounds) == []) == is_compiled(a_spec(validation={"rules": [rule]}))


@pytest.mark.parametrize(
    "target",
    [
        {"from": "a"},
        {"cel": "lead.a"},
        {"from": "a", "cel": "lead.a"},
        {"from": "a", "type": "integer", "min": 2, "max": 1},
        {"from": "a", "type": "phone", "region": "FR"},
        {"from": "a", "type": "date", "region": "FR"},
        {"from": "a", "region": "FR"},
    ],
)
def test_a_target(target: dict[str, Any]) -> None:
    schema = SPEC["mapping"]["additionalProperties"]

    assert (refusals(schema, target) == []) == is_compiled(a_spec(mapping={"x": target}))


@pytest.mark.parametrize(
    "header", [{"value": "a"}, {"secretKeyRef": SECRET}, {"value": "a", "secretKeyRef": SECRET}, {}]
)
def test_a_header(header: dict[str, Any]) -> None:
    schema = SPEC["endpoint"]["properties"]["headers"]["items"]
    endpoint = {"url": "https://customer.example/", "headers": [{"name": "X-A", **header}]}

    assert (refusals(schema, header) == []) == is_compiled(a_spec(endpoint=endpoint))


@pytest.mark.parametrize(
    "outcome", [{"deliver": {}}, {"reject": "NOT_HOMEOWNER"}, {"deliver": {}, "reject": "NOT_HOMEOWNER"}, {}]
)
def test_an_example(outcome: dict[str, Any]) -> None:
    test = {"name": "t", "lead": {}, **outcome}

    assert (refusals(SPEC["tests"]["items"], test) == []) == is_compiled(a_spec(tests=[test]))


@pytest.mark.parametrize(
    "source",
    [
        {"sharedSecretField": "a"},
        {"sharedSecrets": [], "sharedSecretField": "a"},
        {"sharedSecrets": [SECRET], "sharedSecretField": "a"},
        {"sharedSecrets": [SECRET]},
        {},
    ],
)
def test_a_source(source: dict[str, Any]) -> None:
    assert (refusals(SPEC["source"], source) == []) == is_compiled(a_spec(source=source))


@pytest.mark.parametrize("length", [1, 100, 101])
def test_a_name_is_bounded(length: int) -> None:
    name = "a" * length
    whole = {"metadata": {"name": name}}

    assert (refusals(structural_schema(), whole) == []) == is_compiled(a_spec(), name) == (length <= 100)
