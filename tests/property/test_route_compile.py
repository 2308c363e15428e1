"""The laws of compiling, over specs made from the schema that the API server checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from leadgateway.pipeline.examples import run_examples
from leadgateway.pipeline.process import decide
from leadgateway.route.compile import compile_route
from leadgateway.route.crd import structural_schema
from leadgateway.route.loading import Compiled, compile_entry
from leadgateway.route.model import API_VERSION, KIND, LeadRoute, normalised_spec
from leadgateway.route.problem import Problem
from leadgateway.route.reading import read_route
from leadgateway.route.shard import MANIFEST, PublishedRoute, file_name, render
from leadgateway.route.snapshot import Credentials, RouteSnapshot
from tests.property.strategies import Lead, json_values, leads

SPEC = structural_schema()["properties"]["spec"]

TEXTS = st.sampled_from(
    (
        *("a", "a.b", "zip", "email", "A", "NOT_HOMEOWNER", "MISSING_REQUIRED_FIELD", "30s", "90d", "1h", "0s", "DE"),
        *("solar", "https://customer.example/", "http://127.0.0.1/", "lead.a == 1", "lead.a.map(x, x)"),
        *("^66[0-9]{3}$", "(", "..", ""),
    )
)
JSON = json_values()


def from_schema(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a structural schema lets through, most of them."""
    if "x-kubernetes-preserve-unknown-fields" in schema:
        return st.dictionaries(TEXTS, JSON, max_size=3) if schema.get("type") == "object" else JSON
    if "x-kubernetes-int-or-string" in schema:
        return st.integers(-5, 5) | TEXTS
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    build = _BY_TYPE.get(schema["type"])
    return TEXTS if build is None else build(schema)


def _list(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.lists(from_schema(schema["items"]), max_size=min(3, schema["maxItems"]))


def _object(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "properties" not in schema:
        return st.dictionaries(TEXTS, from_schema(schema["additionalProperties"]), max_size=3)
    fields = {name: from_schema(each) for name, each in schema["properties"].items()}
    required = schema.get("required", [])
    return st.fixed_dictionaries(
        {name: field for name, field in fields.items() if name in required},
        optional={name: field for name, field in fields.items() if name not in required},
    )


_BY_TYPE: dict[str, Callable[[dict[str, Any]], st.SearchStrategy[Any]]] = {
    "object": _object,
    "array": _list,
    "boolean": lambda _: st.booleans(),
    "integer": lambda schema: st.integers(schema.get("minimum", -5), schema.get("maximum", 500)),
    "number": lambda schema: st.floats(schema.get("minimum", -5), schema.get("maximum", 500)),
}

specs = from_schema(SPEC)
GOOD: dict[str, Any] = {"mapping": {"a": {"from": "b"}}, "endpoint": {"url": "https://customer.example/"}}


@st.composite
def likely_specs(draw: st.DrawFn) -> dict[str, Any]:
    """A spec that compiles, with some of its fields from a wild one."""
    wild = draw(specs)
    names = draw(st.lists(st.sampled_from(sorted(SPEC["properties"])), max_size=3))
    return GOOD | {name: wild[name] for name in names if name in wild}


def read(spec: dict[str, Any]) -> LeadRoute | list[Problem]:
    return read_route({"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "solar"}, "spec": spec})


def lead_route(spec: dict[str, Any]) -> LeadRoute:
    route = read(spec)
    assume(isinstance(route, LeadRoute))
    assert isinstance(route, LeadRoute)
    return route


def compiled(route: LeadRoute) -> RouteSnapshot:
    snapshot = compile_route(route)
    assume(isinstance(snapshot, RouteSnapshot))
    assert isinstance(snapshot, RouteSnapshot)
    return snapshot


@given(specs | likely_specs() | st.dictionaries(st.sampled_from(sorted(SPEC["properties"])), JSON))
def test_no_crash(spec: dict[str, Any]) -> None:
    """Any spec becomes a snapshot or problems, each with a field of the spec and a sentence; nothing ever raises."""
    route = read(spec)
    found = compile_route(route) if isinstance(route, LeadRoute) else route

    if isinstance(found, list):
        assert found
        assert all(problem.field.startswith("spec") and len(problem.message) > 5 for problem in found)


@given(likely_specs())
def test_normalising_changes_nothing(spec: dict[str, Any]) -> None:
    """A normalised spec reads back to the same LeadRoute with the same verdict, and normalises to itself."""
    route = lead_route(spec)
    normalised = normalised_spec(route.spec)
    again = lead_route(normalised)

    assert again.spec == route.spec
    assert normalised_spec(again.spec) == normalised
    assert compile_route(again) == compile_route(route)


@given(likely_specs())
def test_publishing_changes_nothing(spec: dict[str, Any]) -> None:
    """What a process loads from a shard is what the publisher compiled."""
    route = lead_route(spec)
    snapshot = compiled(route)
    published = PublishedRoute("default", "solar", normalised_spec(route.spec), Credentials())
    (shard,) = render([published], count=1, fingerprint_key=b"key")

    file = file_name("default", "solar")
    loaded = compile_entry(file, shard.routes[file])

    assert set(shard.routes) == {MANIFEST, file}
    assert isinstance(loaded, Compiled)
    assert loaded.snapshot.rules == snapshot.rules
    assert loaded.snapshot.mapping == snapshot.mapping
    assert loaded.snapshot.endpoint == snapshot.endpoint
    assert loaded.snapshot.examples == snapshot.examples


@given(likely_specs(), leads())
def test_what_compiles_runs(spec: dict[str, Any], lead: Lead) -> None:
    """A route that compiled decides about any lead and runs its own examples without raising."""
    snapshot = compiled(lead_route(spec))

    decide(lead, snapshot)
    run_examples(snapshot)


@given(likely_specs())
def test_constants_are_delivered(spec: dict[str, Any]) -> None:
    """A target with a constant is never left out: compile has refused constants that would not do."""
    snapshot = compiled(lead_route(spec | {"validation": {}}))
    decision = decide({}, snapshot)

    omitted = {omission.target for omission in getattr(decision, "omitted", ())}
    assert not omitted & {name for name, target in spec["mapping"].items() if target.get("value") is not None}
