"""Rules, targets and whole routes for tests of the pipeline, without the way through YAML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from leadgateway.json import JsonValue
from leadgateway.route.expression import Expression
from leadgateway.route.path import DotPath
from leadgateway.route.pattern import Pattern
from leadgateway.route.snapshot import (
    Check,
    Computed,
    Constant,
    Deduplication,
    Equals,
    Example,
    FromPath,
    Holds,
    InRange,
    Matches,
    OneOf,
    Required,
    RouteSnapshot,
    Rule,
    Source,
    Target,
    TargetType,
)
from tests.building.snapshots import a_route


def required(*paths: str) -> Required:
    return Required(tuple(map(DotPath.parse, paths)))


def matches(path: str, pattern: str) -> Matches:
    return Matches(DotPath.parse(path), Pattern.parse(pattern))


def equals(path: str, value: JsonValue) -> Equals:
    return Equals(DotPath.parse(path), value)


def one_of(path: str, *values: JsonValue) -> OneOf:
    return OneOf(DotPath.parse(path), values)


def in_range(path: str, minimum: float | None = None, maximum: float | None = None) -> InRange:
    return InRange(DotPath.parse(path), minimum, maximum)


def holds(expression: str) -> Holds:
    return Holds(Expression.parse(expression))


def a_rule(check: Check, code: str = "FAILED") -> Rule:
    return Rule(code, check)


def taken_from(path: str) -> FromPath:
    return FromPath(DotPath.parse(path))


def computed(expression: str) -> Computed:
    return Computed(Expression.parse(expression))


def a_target(
    name: str = "target",
    source: Source | None = None,
    *,
    type: TargetType | None = None,  # noqa: A002
    required: bool = False,
    default: JsonValue = None,
    enum: Sequence[JsonValue] | None = None,
    pattern: str | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    region: str = "DE",
) -> Target:
    """A target that is read from the lead's field `value` unless another source is given."""
    return Target(
        path=tuple(name.split(".")),
        source=taken_from("value") if source is None else source,
        type=type,
        required=required,
        default=default,
        enum=None if enum is None else tuple(enum),
        pattern=None if pattern is None else Pattern.parse(pattern),
        minimum=minimum,
        maximum=maximum,
        region=region,
    )


def a_route_that(
    *,
    checks: Sequence[Rule] = (),
    maps: Sequence[Target] = (),
    evaluates: Literal["received", "normalized"] = "received",
    deduplicates: Sequence[str] | None = None,
    promises: Sequence[Example] = (),
) -> RouteSnapshot:
    """A route that does what is asked here, and delivers to a customer who is never called."""
    route = a_route()
    deduplication = None
    if deduplicates is not None:
        deduplication = Deduplication(tuple(map(DotPath.parse, deduplicates)), timedelta(hours=24))
    return replace(
        route,
        rules=tuple(checks),
        mapping=tuple(maps),
        evaluate=evaluates,
        intake=replace(route.intake, deduplication=deduplication),
        examples=tuple(promises),
    )


def the_solar_route(evaluates: Literal["received", "normalized"] = "received") -> RouteSnapshot:
    """The seed system's contract as a route: a zip beginning 66, the owner of the house, phone and product required."""
    return a_route_that(
        evaluates=evaluates,
        checks=[
            a_rule(required("address.zip", "house.is_owner"), "MISSING_REQUIRED_FIELD"),
            a_rule(matches("address.zip", r"^66\d{3}$"), "ZIP_NOT_66XXX"),
            a_rule(equals("house.is_owner", True), "NOT_HOMEOWNER"),
        ],
        maps=[
            a_target("customer_email", taken_from("email")),
            a_target("customer_zip", taken_from("address.zip")),
            a_target("customer_street", taken_from("address.street")),
            a_target("is_homeowner", taken_from("house.is_owner"), type="boolean"),
            a_target("phone", taken_from("phone"), required=True),
            a_target("product.name", Constant("Solaranlage"), required=True),
        ],
        deduplicates=["email", "address.zip"],
    )


def a_solar_lead() -> dict[str, JsonValue]:
    """A lead that the solar route delivers."""
    return {
        "email": "john.doe@example.com",
        "phone": "+49 681 9876543",
        "address": {"zip": "66123", "street": "123 Main St"},
        "house": {"is_owner": True},
    }
