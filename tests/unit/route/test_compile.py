"""A LeadRoute compiles into a snapshot, or into every mistake in it: each with its field and what to change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from leadgateway.route.compile import compile_route
from leadgateway.route.model import LeadRoute
from leadgateway.route.path import DotPath
from leadgateway.route.snapshot import (
    Computed,
    Constant,
    Deduplication,
    Equals,
    FromPath,
    Header,
    Holds,
    InRange,
    OneOf,
    RouteSnapshot,
    SecretReference,
)
from tests.building.routes import a_spec, compiled, lead_route

SECRET = {"name": "solar", "key": "webhook"}


def problems(spec: dict[str, Any], name: str = "solar") -> dict[str, str]:
    """Messages by field."""
    found = compile_route(lead_route(name, spec))
    assert isinstance(found, list), "it compiles"
    return {problem.field: problem.message for problem in found}


def only_problem(spec: dict[str, Any]) -> tuple[str, str]:
    ((field, message),) = problems(spec).items()
    return field, message


def with_rule(**rule: Any) -> dict[str, Any]:
    return a_spec(validation={"rules": [{"code": "X", **rule}]})


def with_target(name: str = "x", **target: Any) -> dict[str, Any]:
    return a_spec(mapping={name: target})


def with_endpoint(**endpoint: Any) -> dict[str, Any]:
    return a_spec(endpoint={"url": "https://customer.example/", **endpoint})


# --- the whole


def test_the_smallest_route_has_the_defaults_of_the_contract() -> None:
    route = compiled({"mapping": {"a": {"from": "b"}}, "endpoint": {"url": "https://customer.example/"}})

    assert (route.key, route.path, route.default, route.paused) == ("default/solar", "solar", False, False)
    assert route.evaluate == "received"
    assert (route.endpoint.timeout, route.endpoint.concurrency) == (timedelta(seconds=10), 16)
    assert not route.endpoint.allow_private_networks
    retry = route.retry
    assert (retry.max_retries, retry.initial_delay, retry.factor) == (5, timedelta(seconds=30), 2)
    assert (retry.max_delay, retry.jitter, retry.statuses) == (timedelta(seconds=480), 0, frozenset())
    assert (route.retention.payload, route.retention.records) == (timedelta(days=90), timedelta(days=365))


def test_everything_an_author_writes_arrives_in_the_snapshot() -> None:
    route = compiled(
        a_spec(
            path="dach",
            default=True,
            paused=True,
            source={
                "sharedSecrets": [SECRET, {"name": "solar", "key": "next"}],
                "sharedSecretField": "auth.key",
                "rateLimit": {"requestsPerMinute": 100},
                "deduplicate": {"fields": ["email", "address.zip"], "window": "24h"},
            },
            endpoint={
                "url": "https://customer.example/",
                "token": {"name": "solar", "key": "token"},
                "headers": [{"name": "X-Source", "value": "web"}, {"name": "X-Key", "secretKeyRef": SECRET}],
            },
        )
    )

    assert (route.path, route.default, route.paused) == ("dach", True, True)
    assert route.intake.shared_secrets == (SecretReference("solar", "webhook"), SecretReference("solar", "next"))
    assert route.intake.shared_secret_field == DotPath.parse("auth.key")
    assert route.intake.requests_per_minute == 100
    paths = (DotPath.parse("email"), DotPath.parse("address.zip"))
    assert route.intake.deduplication == Deduplication(paths, timedelta(days=1))
    assert route.endpoint.token == SecretReference("solar", "token")
    assert route.endpoint.headers == (
        Header("X-Source", "web", None),
        Header("X-Key", None, SecretReference("solar", "webhook")),
    )


def test_all_mistakes_are_told_at_once() -> None:
    spec = a_spec(
        path="two/segments",
        source={"sharedSecretField": "key", "deduplicate": {"fields": ["a..b"], "window": "0s"}},
        validation={"rules": [{"code": "A", "field": "zip", "matches": "("}, {"code": "B", "cel": "lead."}]},
        mapping={"a": {"from": "x."}, "a.b": {"cel": "now()"}},
        endpoint={"url": "https://u:p@customer.example/", "timeout": "1h"},
        retry={"initialDelay": "2d"},
        retention={"payload": "1m"},
        tests=[{"name": "t", "lead": {}}],
    )

    assert set(problems(spec)) == {
        "spec.path",
        "spec.source.sharedSecretField",
        "spec.source.deduplicate.fields[0]",
        "spec.source.deduplicate.window",
        "spec.validation.rules[0].matches",
        "spec.validation.rules[1].cel",
        "spec.mapping[a].from",
        "spec.mapping[a.b]",
        "spec.mapping[a.b].cel",
        "spec.endpoint.url",
        "spec.endpoint.timeout",
        "spec.retry.initialDelay",
        "spec.retention.payload",
        "spec.tests[0]",
    }


@pytest.mark.parametrize("path", ["solar", "a", "solar-saarland.v2_x", "0"])
def test_a_path_is_one_segment(path: str) -> None:
    assert compiled(a_spec(path=path)).path == path


@pytest.mark.parametrize("path", ["a/b", "/a", "A", "ä", ".", "-a", "a-", "a b", "a%20b", "..", "a\n"])
def test_another_path_is_refused(path: str) -> None:
    field, message = only_problem(a_spec(path=path))

    assert field == "spec.path"
    assert "like solar-saarland" in message


# --- source


def test_a_secret_field_without_a_secret_is_refused() -> None:
    field, message = only_problem(a_spec(source={"sharedSecretField": "google_key"}))

    assert field == "spec.source.sharedSecretField"
    assert "add sharedSecrets" in message


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"mapping": {"x": {"from": "key"}}}, "spec.mapping[x].from"),
        ({"mapping": {"x": {"from": "key.part"}}}, "spec.mapping[x].from"),
        ({"validation": {"rules": [{"code": "A", "field": "key", "equals": 1}]}}, "spec.validation.rules[0].field"),
    ],
)
def test_nothing_reads_the_field_that_is_redacted(change: dict[str, Any], field: str) -> None:
    spec = a_spec(source={"sharedSecrets": [SECRET], "sharedSecretField": "key"}) | change

    assert "redacted" in problems(spec)[field]


def test_deduplication_does_not_read_the_redacted_field() -> None:
    source = {
        "sharedSecrets": [SECRET],
        "sharedSecretField": "key",
        "deduplicate": {"fields": ["keys", "key"], "window": "1h"},
    }

    assert set(problems(a_spec(source=source))) == {"spec.source.deduplicate.fields[1]"}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (a_spec(source={"sharedSecrets": [SECRET, SECRET]}), "spec.source.sharedSecrets[1]"),
        (a_spec(source={"deduplicate": {"fields": ["a", "a"], "window": "1h"}}), "spec.source.deduplicate.fields[1]"),
        (with_rule(required=["a", "b", "a"]), "spec.validation.rules[0].required[2]"),
        (a_spec(retry={"retryStatuses": [429, 429]}), "spec.retry.retryStatuses[1]"),
        (a_spec(mapping={"x": {"from": "a", "enum": ["x", "x"]}}), "spec.mapping[x].enum[1]"),
    ],
)
def test_an_entry_that_stands_twice_is_refused(spec: dict[str, Any], field: str) -> None:
    found, message = only_problem(spec)

    assert found == field
    assert "twice" in message


# --- rules


@pytest.mark.parametrize(
    ("rule", "check"),
    [
        ({"field": "a", "equals": True}, Equals(DotPath.parse("a"), value=True)),
        ({"field": "a", "in": ["x", 1, None]}, OneOf(DotPath.parse("a"), ("x", 1, None))),
        ({"field": "a", "range": {"min": 1}}, InRange(DotPath.parse("a"), 1, None)),
        ({"field": "a", "range": {"min": 1, "max": 1}}, InRange(DotPath.parse("a"), 1, 1)),
    ],
)
def test_a_rule_makes_its_check(rule: dict[str, Any], check: object) -> None:
    assert compiled(with_rule(**rule)).rules[0].check == check


def test_a_cel_rule_is_compiled() -> None:
    (rule,) = compiled(with_rule(cel="lead.budget >= 5000")).rules

    assert isinstance(rule.check, Holds)
    assert rule.check.expression.holds({"budget": 5000})


@pytest.mark.parametrize(
    ("rule", "field", "sentence"),
    [
        ({}, "spec.validation.rules[0]", "has none; add one"),
        ({"field": "a", "matches": "a", "equals": 1}, "spec.validation.rules[0]", "matches and equals; split it"),
        ({"required": ["a"], "cel": "true"}, "spec.validation.rules[0]", "required and cel; split it"),
        ({"matches": "a"}, "spec.validation.rules[0]", "matches needs field"),
        ({"equals": 0}, "spec.validation.rules[0]", "equals needs field"),
        ({"in": [1]}, "spec.validation.rules[0]", "in needs field"),
        ({"range": {"min": 1}}, "spec.validation.rules[0]", "range needs field"),
        ({"field": "a", "required": ["a"]}, "spec.validation.rules[0].field", "required does not look at field"),
        ({"field": "a", "cel": "true"}, "spec.validation.rules[0].field", "cel does not look at field"),
        ({"field": "a..b", "equals": 1}, "spec.validation.rules[0].field", "empty segment"),
        ({"required": ["a", "b."]}, "spec.validation.rules[0].required[1]", "empty segment"),
        ({"field": "a", "matches": "(?=a)"}, "spec.validation.rules[0].matches", "RE2 syntax"),
        ({"field": "a", "range": {}}, "spec.validation.rules[0].range", "min, max or both"),
        ({"field": "a", "range": {"min": 2, "max": 1}}, "spec.validation.rules[0].range.min", "above max"),
        ({"cel": "budget > 1"}, "spec.validation.rules[0].cel", "lead.budget"),
        ({"field": "a", "equals": float("inf")}, "spec.validation.rules[0].equals", "number that JSON can't hold"),
        ({"field": "a", "in": [1, [float("nan")]]}, "spec.validation.rules[0].in[1]", "number that JSON can't hold"),
    ],
)
def test_a_mistake_in_a_rule(rule: dict[str, Any], field: str, sentence: str) -> None:
    found, message = only_problem(with_rule(**rule))

    assert found == field
    assert sentence in message


def test_free_json_that_nests_too_deeply_is_refused() -> None:
    nested: Any = 1
    for _ in range(65):
        nested = [nested]

    field, message = only_problem(with_rule(field="a", equals=nested))

    assert field == "spec.validation.rules[0].equals"
    assert "64 levels" in message


@pytest.mark.parametrize(
    ("rule", "field", "hint"),
    [
        ({"field": "email", "equals": "A@B.example"}, "spec.validation.rules[0].equals", "'a@b.example'"),
        ({"field": "zip", "in": ["66123", " 66124 "]}, "spec.validation.rules[0].in[1]", "'66124'"),
        ({"field": "owner", "equals": "TRUE"}, "spec.validation.rules[0].equals", "True"),
    ],
)
def test_a_value_that_no_normalised_lead_holds_is_refused(rule: dict[str, Any], field: str, hint: str) -> None:
    spec = a_spec(validation={"evaluate": "normalized", "rules": [{"code": "X", **rule}]})

    found, message = only_problem(spec)

    assert found == field
    assert f"would be {hint}" in message
    assert compiled(with_rule(**rule)).rules, "as received, it may come"


# --- mapping


def test_a_target_is_a_nested_field_with_a_source() -> None:
    spec = a_spec(mapping={"a.b": {"from": "x.0"}, "c": {"value": "v"}, "d": {"cel": "lead.x"}})

    first, second, third = compiled(spec).mapping

    assert (first.path, first.name) == (("a", "b"), "a.b")
    assert first.source == FromPath(DotPath.parse("x.0"))
    assert second.source == Constant("v")
    assert isinstance(third.source, Computed)


@pytest.mark.parametrize("target", [{"value": False}, {"value": 0}, {"value": ""}])
def test_a_falsy_value_is_a_source(target: dict[str, Any]) -> None:
    assert compiled(with_target(**target)).mapping[0].source == Constant(target["value"])


@pytest.mark.parametrize(
    ("names", "at"),
    [
        (["a.b", "a"], "spec.mapping[a.b]"),
        (["a", "a.b.c"], "spec.mapping[a.b.c]"),
        (["a.b", "a.b.c"], "spec.mapping[a.b.c]"),
    ],
)
def test_a_target_inside_of_another_is_refused(names: list[str], at: str) -> None:
    field, message = only_problem(a_spec(mapping={name: {"from": "x"} for name in names}))

    assert field == at
    assert "nothing can be nested in it" in message


def test_targets_that_only_begin_alike_do_not_conflict() -> None:
    assert len(compiled(a_spec(mapping={"ab": {"from": "x"}, "a": {"from": "x"}, "a_b.c": {"from": "x"}})).mapping) == 3


@pytest.mark.parametrize(
    ("target", "field", "sentence"),
    [
        ({}, "spec.mapping[x]", "has none; add one"),
        ({"from": "a", "value": 1}, "spec.mapping[x]", "from and value; keep one"),
        ({"from": "a", "cel": "1"}, "spec.mapping[x]", "from and cel; keep one"),
        ({"from": ".a"}, "spec.mapping[x].from", "empty segment"),
        ({"cel": "lead.a.b("}, "spec.mapping[x].cel", "not valid CEL"),
        ({"value": 1, "default": 2}, "spec.mapping[x].default", "remove the default"),
        ({"from": "a", "pattern": "["}, "spec.mapping[x].pattern", "does not compile"),
        ({"from": "a", "region": "DE"}, "spec.mapping[x].region", "set type: phone"),
        ({"from": "a", "type": "phone", "region": "ZZ"}, "spec.mapping[x].region", "no ISO 3166 country"),
        ({"from": "a", "type": "string", "min": 1}, "spec.mapping[x].min", "only numbers have bounds"),
        ({"from": "a", "type": "date", "max": 1}, "spec.mapping[x].max", "only numbers have bounds"),
        ({"from": "a", "type": "integer", "min": 2, "max": 1}, "spec.mapping[x].min", "above max"),
        ({"from": "a", "type": "boolean", "pattern": "t"}, "spec.mapping[x].pattern", "only strings have a pattern"),
        ({"from": "a", "pattern": "t", "min": 1}, "spec.mapping[x].pattern", "both a string and a number"),
        ({"from": "a", "type": "integer", "default": "5"}, "spec.mapping[x].default", "type integer; write 5"),
        ({"from": "a", "type": "boolean", "default": "ja"}, "spec.mapping[x].default", "type boolean; write True"),
        ({"from": "a", "type": "string", "default": []}, "spec.mapping[x].default", "is not of type string"),
        ({"value": "0681 123456", "type": "phone"}, "spec.mapping[x].value", "write '+49681123456'"),
        ({"value": "24.12.2026", "type": "date"}, "spec.mapping[x].value", "write '2026-12-24'"),
        ({"value": "nobody", "type": "email"}, "spec.mapping[x].value", "is not of type email"),
        ({"from": "a", "type": "integer", "enum": [1, "2"]}, "spec.mapping[x].enum[1]", "type integer; write 2"),
        ({"from": "email", "enum": ["A@b.example"]}, "spec.mapping[x].enum[0]", "would be 'a@b.example'"),
        ({"from": "a", "enum": ["x"], "default": "y"}, "spec.mapping[x].default", "none of enum"),
        ({"from": "a", "pattern": "x+", "default": "y"}, "spec.mapping[x].default", "not matched by pattern"),
        ({"from": "a", "max": 5, "default": 6}, "spec.mapping[x].default", "outside of min and max"),
        ({"from": "a", "min": 5, "default": "x"}, "spec.mapping[x].default", "outside of min and max"),
        ({"value": {"a": [float("inf")]}}, "spec.mapping[x].value", "number that JSON can't hold"),
    ],
)
def test_a_mistake_in_a_target(target: dict[str, Any], field: str, sentence: str) -> None:
    found, message = only_problem(with_target(**target))

    assert found == field
    assert sentence in message


@pytest.mark.parametrize(
    "target",
    [
        {"from": "a", "type": "phone", "region": "FR", "default": "+49681123456"},
        {"from": "a", "type": "number", "min": 1, "max": 5, "default": 2.5, "required": True},
        {"from": "a", "type": "string", "enum": ["true", "x"], "default": "x", "pattern": "true|x"},
        {"cel": "lead.a", "enum": ["A@b.example"]},
        {"value": {"any": ["json", None]}},
        {"from": "a", "enum": [1, 2], "min": 1},
    ],
)
def test_a_target_without_a_mistake(target: dict[str, Any]) -> None:
    assert len(compiled(with_target(**target)).mapping) == 1


@pytest.mark.parametrize("name", ["", ".a", "a.", "a..b", "x" * 257])
def test_the_name_of_a_target_is_a_dot_path(name: str) -> None:
    field, _ = only_problem(with_target(name, **{"from": "a"}))

    assert field == f"spec.mapping[{name}]"


# --- endpoint


@pytest.mark.parametrize(
    "name",
    ["Host", "content-length", "Idempotency-Key", "X-CORRELATION-ID", "Transfer-Encoding", "User-Agent", "Expect"],
)
def test_headers_of_the_gateway_can_not_be_set(name: str) -> None:
    field, message = only_problem(with_endpoint(headers=[{"name": name, "value": "x"}]))

    assert field == "spec.endpoint.headers[0].name"
    assert "set by the gateway" in message


def test_authorization_belongs_to_the_token_if_there_is_one() -> None:
    headers = [{"name": "authorization", "value": "Basic x"}]

    assert compiled(with_endpoint(headers=headers)).endpoint.headers
    field, message = only_problem(with_endpoint(headers=headers, token=SECRET))
    assert field == "spec.endpoint.headers[0].name"
    assert "token is sent as Authorization" in message


def test_a_header_stands_once_in_whatever_case() -> None:
    headers = [{"name": "X-A", "value": "1"}, {"name": "x-a", "value": "2"}]

    field, message = only_problem(with_endpoint(headers=headers))

    assert field == "spec.endpoint.headers[1].name"
    assert "twice" in message


@pytest.mark.parametrize("header", [{"name": "X-A"}, {"name": "X-A", "value": "1", "secretKeyRef": SECRET}])
def test_a_header_has_exactly_one_value(header: dict[str, Any]) -> None:
    field, message = only_problem(with_endpoint(headers=[header]))

    assert field == "spec.endpoint.headers[0]"
    assert "exactly one of value and secretKeyRef" in message


@pytest.mark.parametrize("timeout", ["99ms", "121s", "1h"])
def test_a_timeout_has_bounds(timeout: str) -> None:
    field, message = only_problem(with_endpoint(timeout=timeout))

    assert field == "spec.endpoint.timeout"
    assert "between 100ms and 2m" in message


# --- retry, retention


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"retry": {"initialDelay": "25h", "maxDelay": "2d"}}, "spec.retry.initialDelay", "between 0s and 1d"),
        ({"retry": {"maxDelay": "8d"}}, "spec.retry.maxDelay", "between 0s and 7d"),
        ({"retry": {"initialDelay": "10m"}}, "spec.retry.initialDelay", "raise maxDelay"),
        ({"retention": {"payload": "59m"}}, "spec.retention.payload", "between 1h and 3650d"),
        ({"retention": {"records": "3651d"}}, "spec.retention.records", "between 1h and 3650d"),
        ({"retention": {"payload": "366d"}}, "spec.retention.payload", "above records"),
        (
            {"retry": {"maxRetries": 20, "maxDelay": "7d", "initialDelay": "1d", "factor": 10}},
            "spec.retention.payload",
            "keep the payload longer, or retry less",
        ),
    ],
)
def test_a_mistake_in_retry_or_retention(change: dict[str, Any], field: str, sentence: str) -> None:
    found, message = only_problem(a_spec(**change))

    assert found == field
    assert sentence in message


# --- tests


@pytest.mark.parametrize(
    ("test", "field", "sentence"),
    [
        ({}, "spec.tests[0]", "exactly one of deliver and reject"),
        ({"deliver": {}, "reject": "NOT_HOMEOWNER"}, "spec.tests[0]", "exactly one of deliver and reject"),
        ({"reject": "NOT_HOMEWONER"}, "spec.tests[0].reject", "write one of MISSING_REQUIRED_FIELD, NOT_HOMEOWNER"),
        ({"lead": {"a": float("nan")}, "deliver": {}}, "spec.tests[0].lead", "number that JSON can't hold"),
        ({"deliver": {"a": float("inf")}}, "spec.tests[0].deliver", "number that JSON can't hold"),
    ],
)
def test_a_mistake_in_a_test(test: dict[str, Any], field: str, sentence: str) -> None:
    found, message = only_problem(a_spec(tests=[{"name": "an example", "lead": {}, **test}]))

    assert found == field
    assert sentence in message


def test_two_tests_of_one_name_are_refused() -> None:
    test = {"name": "same", "lead": {}, "deliver": {}}

    assert only_problem(a_spec(tests=[test, test]))[0] == "spec.tests[1]"


def test_a_route_that_rejects_nothing_expects_no_rejection() -> None:
    spec = {
        "mapping": {"a": {"from": "b"}},
        "endpoint": {"url": "https://customer.example/"},
        "tests": [{"name": "t", "lead": {}, "reject": "X"}],
    }

    assert "the route rejects nothing" in only_problem(spec)[1]


def test_a_required_target_rejects_with_a_code_of_its_own() -> None:
    tests = [{"name": "t", "lead": {}, "reject": "MISSING_REQUIRED_FIELD"}]

    assert compiled(a_spec(validation={}, tests=tests)).examples[0].reject == "MISSING_REQUIRED_FIELD"


@pytest.mark.parametrize("compile_", [compile_route])
def test_compiling_gives_the_same_each_time(compile_: Callable[[LeadRoute], object]) -> None:
    route = lead_route("solar", a_spec())

    assert isinstance(compile_(route), RouteSnapshot)
    assert compile_(route) == compile_(route)
