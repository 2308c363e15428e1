"""Leads, rules, targets and routes as a hostile or careless world makes them.

Everything that `parse_lead` can return comes up: lone surrogates, NUL, digits of other scripts, numbers up to the limit
of a double, nesting up to the limit of a lead, objects where lists are expected, and now and then a lead as it should
be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Literal

from hypothesis import strategies as st

from leadgateway.json import JsonValue
from leadgateway.pipeline.lead import MAX_DEPTH
from leadgateway.route.path import DotPath
from leadgateway.route.snapshot import (
    Check,
    Computed,
    Constant,
    FromPath,
    Holds,
    RouteSnapshot,
    Rule,
    Source,
    Target,
    TargetType,
)
from tests.building import rules_and_targets as building
from tests.building.rules_and_targets import a_route_that, a_target

Lead = dict[str, JsonValue]

TYPES: tuple[TargetType, ...] = ("string", "integer", "number", "boolean", "email", "phone", "date")

KEYS = ("email", "zip", "address", "house", "is_owner", "phone", "data", "0", "1", "E-Mail", "a", "b", "")
PATHS = (
    "email",
    "zip",
    "address.zip",
    "house.is_owner",
    "phone",
    "data.0",
    "data.1.email",
    "data.a",
    "a",
    "b",
    "a.b.0",
)

TELLING_TEXTS = (
    "66123",
    " 66123 ",
    "661234",
    "6612３",
    "٦٦١٢٣",
    "true",
    " FALSE",
    "Yes",
    "nein",
    "1",
    "0",
    "on",
    "John.Doe@Example.com",
    " A@B.example\n",
    "a@b",
    "İ@example.com",
    "ẞtraße@EXAMPLE.com",
    "+49 681 9876543",
    "0681/9876543",
    "2026-11-24",
    "24.11.2026",
    "2026-02-30",
    "1e400",
    "-5",
    "3.14",
    "NaN",
    "",
    " \t",
    "\u00a0",
    "\x00",
    "\ud800",
    "house",
    "null",
    "{}",
)


def _joined(text: str) -> str:
    """Two surrogates that make a pair are one character to JSON, so no parsed text holds them apart."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@cache
def texts(max_size: int = 12) -> st.SearchStrategy[str]:
    anything = st.text(st.characters(exclude_categories=()), max_size=max_size).map(_joined)
    return st.sampled_from(TELLING_TEXTS) | anything


@cache
def numbers() -> st.SearchStrategy[int | float]:
    largest = 10**308
    return (
        st.integers(-2, 100)
        | st.integers(-largest, largest)
        | st.sampled_from([2**53 + 1, 2**63, -(2**63) - 1, 2**64, 2**70, 66123])
        | st.floats(allow_nan=False, allow_infinity=False)
    )


@cache
def scalars() -> st.SearchStrategy[JsonValue]:
    return st.none() | st.booleans() | numbers() | texts()


@cache
def readable(to: TargetType) -> st.SearchStrategy[JsonValue]:
    """Values that can be read as a type, most of them."""
    by_type: dict[TargetType, st.SearchStrategy[JsonValue]] = {
        "string": scalars(),
        "integer": numbers() | st.integers().map(str),
        "number": numbers() | st.floats(allow_nan=False, allow_infinity=False).map(repr),
        "boolean": st.booleans() | st.sampled_from([0, 1, "1", "0", "TRUE", "false", " Yes", "no", "ja", "Nein", "on"]),
        "email": st.emails() | st.from_regex(r"[A-Z]{1,5}@[a-z]{1,5}\.[a-z]{2}", fullmatch=True),
        "phone": st.from_regex(r"\+49 ?681/?[1-9][0-9]{6}|0170-[0-9]{7}|\+1 202 555 01[0-9]{2}", fullmatch=True),
        "date": st.dates().map(str) | st.dates().map(lambda date: f"{date.day}.{date.month}.{date.year:04d}"),
    }
    return by_type[to]


@cache
def keys() -> st.SearchStrategy[str]:
    return st.sampled_from(KEYS) | texts(max_size=4)


@cache
def json_values() -> st.SearchStrategy[JsonValue]:
    return st.recursive(scalars(), _containers, max_leaves=8) | deep_values()


def _containers(children: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    return st.lists(children, max_size=4) | st.dictionaries(keys(), children, max_size=4)


@cache
def deep_values() -> st.SearchStrategy[JsonValue]:
    """A value at the bottom of many lists and objects, in a lead as deep as a lead may be."""
    wrappers = st.lists(st.sampled_from(["[", *KEYS]), max_size=MAX_DEPTH - 1)
    return st.builds(_wrapped, scalars(), wrappers)


def _wrapped(value: JsonValue, wrappers: list[str]) -> JsonValue:
    for wrapper in wrappers:
        value = [value] if wrapper == "[" else {wrapper: value}
    return value


@cache
def leads() -> st.SearchStrategy[Lead]:
    return st.dictionaries(keys(), json_values(), max_size=5) | likely_leads()


@cache
def likely_leads() -> st.SearchStrategy[Lead]:
    """Leads whose fields lie where rules and mappings look for them."""
    fields: dict[str, st.SearchStrategy[JsonValue]] = {
        "email": scalars(),
        "zip": scalars(),
        "phone": scalars(),
        "address": st.fixed_dictionaries({}, optional={"zip": scalars(), "street": texts()}),
        "house": st.fixed_dictionaries({"is_owner": scalars()}),
        "data": st.lists(scalars() | st.fixed_dictionaries({"email": scalars()}), max_size=3),
        "a": json_values(),
        "b": scalars(),
    }
    return st.fixed_dictionaries({}, optional=fields)


@cache
def paths() -> st.SearchStrategy[DotPath]:
    return st.sampled_from(PATHS).map(DotPath.parse)


PATTERNS = (r"^66\d{3}$", r".*", r"[^@]+@[^@]+", r"\w+", r"(?i)true|false", r"\PL*")

EXPRESSIONS = (
    "lead.zip == '66123'",
    "lead.a > 5",
    "lead.house.is_owner",
    "size(lead.email) > 3",
    "lead.data.exists(d, d.email == 'a@b.example')",
    "has(lead.address) && lead.address.zip.matches('^66[0-9]{3}$')",
    "lead.a / lead.b > 0",
    "'0' in lead",
    "lead",
    "lead.a + lead.b",
    "lead.data.filter(d, d.email != '')[0].email",
    "lead.data.map(d, [d, d])",
    "double(lead.a) * 1e308 * 10.0",
    "{'x': lead.a}",
)

_texts_of_paths = st.sampled_from(PATHS)
_bounds = st.none() | st.integers(-10, 100_000).map(float) | st.floats(allow_nan=False, allow_infinity=False)


@cache
def _expression(text: str) -> Computed:
    return building.computed(text)


@cache
def checks() -> st.SearchStrategy[Check]:
    return (
        st.builds(lambda some: building.required(*some), st.lists(_texts_of_paths, min_size=1, max_size=3))
        | st.builds(building.matches, _texts_of_paths, st.sampled_from(PATTERNS))
        | st.builds(building.equals, _texts_of_paths, scalars())
        | st.builds(lambda path, some: building.one_of(path, *some), _texts_of_paths, st.lists(scalars(), max_size=4))
        | st.builds(building.in_range, _texts_of_paths, _bounds, _bounds)
        | st.sampled_from(EXPRESSIONS).map(lambda text: Holds(_expression(text).expression))
    )


@cache
def rules() -> st.SearchStrategy[Rule]:
    return st.builds(Rule, st.sampled_from(["A", "B", "C", "MISSING_REQUIRED_FIELD"]), checks())


@cache
def rule_lists(min_size: int = 0) -> st.SearchStrategy[list[Rule]]:
    return st.lists(rules(), min_size=min_size, max_size=5)


@cache
def sources() -> st.SearchStrategy[Source]:
    return (
        paths().map(FromPath)
        | scalars().map(Constant)
        | st.sampled_from(EXPRESSIONS).map(_expression)
        | st.builds(Constant, st.lists(scalars(), max_size=2))
    )


TARGET_NAMES = ("customer_email", "zip", "product.name", "product.id", "a.b.c", "a.b.d", "a.e", "phone")
"""None is a prefix of another, as `compile` demands."""


@cache
def targets(name: str = "target", *, required: bool | None = None) -> st.SearchStrategy[Target]:
    return st.builds(
        a_target,
        st.just(name),
        sources(),
        type=st.none() | st.sampled_from(TYPES),
        required=st.booleans() if required is None else st.just(required),
        default=st.none() | scalars(),
        enum=st.none() | st.lists(st.sampled_from(TELLING_TEXTS) | st.integers(0, 5), min_size=1, max_size=8),
        pattern=st.none() | st.none() | st.sampled_from(PATTERNS),
        minimum=st.none() | _bounds,
        maximum=st.none() | _bounds,
        region=st.sampled_from(["DE", "US"]),
    )


@cache
def mappings(*, required: bool | None = None) -> st.SearchStrategy[tuple[Target, ...]]:
    names = st.lists(st.sampled_from(TARGET_NAMES), unique=True, max_size=4)
    nameless = st.lists(targets(required=required), min_size=4, max_size=4)
    return st.builds(lambda some, all_: tuple(map(_named, some, all_)), names, nameless)


def _named(name: str, target: Target) -> Target:
    return replace(target, path=tuple(name.split(".")))


EVALUATIONS: Sequence[Literal["received", "normalized"]] = ("received", "normalized")


@cache
def routes() -> st.SearchStrategy[RouteSnapshot]:
    return st.builds(
        a_route_that,
        checks=rule_lists(),
        maps=mappings(),
        evaluates=st.sampled_from(EVALUATIONS),
        deduplicates=st.lists(_texts_of_paths, min_size=1, max_size=3, unique=True),
    )
