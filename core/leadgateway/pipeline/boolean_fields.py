"""Which fields of a lead a route treats as booleans."""

from __future__ import annotations

from collections.abc import Iterator

from leadgateway.route.path import DotPath
from leadgateway.route.snapshot import Equals, FromPath, OneOf, RouteSnapshot


def boolean_fields(route: RouteSnapshot) -> Iterator[DotPath]:
    """Yield the paths that a rule compares with true or false, or that a target of type boolean is read from."""
    for rule in route.rules:
        if isinstance(rule.check, Equals | OneOf) and _compares_booleans(rule.check):
            yield rule.check.path
    for target in route.mapping:
        if target.type == "boolean" and isinstance(target.source, FromPath):
            yield target.source.path


def _compares_booleans(check: Equals | OneOf) -> bool:
    allowed = (check.value,) if isinstance(check, Equals) else check.values
    return all(isinstance(value, bool) for value in allowed)
