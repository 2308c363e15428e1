"""Compiles `spec.mapping`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from leadgateway.json import JsonValue, is_equal, is_number
from leadgateway.pipeline.convert import convert
from leadgateway.route import snapshot
from leadgateway.route.compile.findings import Findings
from leadgateway.route.compile.rules import check_bounds, check_normalised
from leadgateway.route.expression import Expression
from leadgateway.route.model import Target
from leadgateway.route.path import DotPath
from leadgateway.route.pattern import Pattern

DEFAULT_REGION: Final = "DE"
"""Where phone numbers without a country code belong, unless the target says otherwise."""

_NUMERIC = frozenset({"integer", "number", None})
_TEXTUAL = frozenset({"string", "email", "phone", "date", None})


def compile_mapping(mapping: Mapping[str, Target], findings: Findings) -> tuple[snapshot.Target, ...]:
    """Compile the targets; those with problems are left out.

    Kubernetes keeps no order of fields, so the order of names counts everywhere: which of two missing fields is named
    must not depend on whether a route came from a file or through a cluster.
    """
    _check_conflicts(mapping, findings)
    compiled = [_TargetCompiler(name, mapping[name], findings).compile() for name in sorted(mapping)]
    return tuple(filter(None, compiled))


def _check_conflicts(mapping: Mapping[str, Target], findings: Findings) -> None:
    """A field can't be a value and hold other fields."""
    for name in mapping:
        keys = name.split(".")
        for length in range(1, len(keys)):
            parent = ".".join(keys[:length])
            if parent in mapping:
                findings.note(
                    f"spec.mapping[{name}]",
                    f"{parent} is a target itself, so nothing can be nested in it; rename or remove one of the two",
                )


class _TargetCompiler:
    """Compiles one target."""

    def __init__(self, name: str, target: Target, findings: Findings) -> None:
        self.name = name
        self.target = target
        self.field = f"spec.mapping[{name}]"
        self.findings = findings
        self.region = target.region or DEFAULT_REGION

    def compile(self) -> snapshot.Target | None:
        """The compiled target; None after noting why there is none."""
        target = self.target
        self.findings.parsed(self.field, DotPath.parse, self.name)
        self._check_region()
        self._check_constraints()
        source = self._source()
        pattern = None
        if target.pattern is not None:
            pattern = self.findings.parsed(f"{self.field}.pattern", Pattern.parse, target.pattern)
        self._check_enum(source)
        self._check_constant("value", target.value, pattern)
        self._check_constant("default", target.default, pattern)
        if source is None:
            return None
        return snapshot.Target(
            path=tuple(self.name.split(".")),
            source=source,
            type=target.type,
            required=target.required,
            default=target.default,
            enum=None if target.enum is None else tuple(target.enum),
            pattern=pattern,
            minimum=target.min,
            maximum=target.max,
            region=self.region,
        )

    def _source(self) -> snapshot.Source | None:
        target = self.target
        values = {"from": target.from_, "value": target.value, "cel": target.cel}
        present = [name for name, value in values.items() if value is not None]
        if len(present) != 1:
            found = f"has {' and '.join(present)}; keep one" if present else "has none; add one"
            self.findings.note(self.field, f"a target has exactly one source (from, value, cel), this one {found}")
            return None
        if target.from_ is not None:
            path = self.findings.parsed(f"{self.field}.from", DotPath.parse, target.from_)
            return snapshot.FromPath(path) if path else None
        if target.cel is not None:
            expression = self.findings.parsed(f"{self.field}.cel", Expression.parse, target.cel)
            return snapshot.Computed(expression) if expression else None
        if target.default is not None:
            self.findings.note(f"{self.field}.default", "a target with a value always has one; remove the default")
        return snapshot.Constant(target.value)

    def _check_region(self) -> None:
        target = self.target
        if target.region is None:
            return
        if target.type != "phone":
            self.findings.note(f"{self.field}.region", "only phone numbers have a region; set type: phone or remove it")
        from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - see `pipeline.convert`

        if target.region not in SUPPORTED_REGIONS:
            self.findings.note(f"{self.field}.region", f"{target.region} is no ISO 3166 country; write one, like DE")

    def _check_constraints(self) -> None:
        """Note constraints that no value of the type could meet."""
        target = self.target
        check_bounds(self.field, target.min, target.max, self.findings)
        for name, bound in (("min", target.min), ("max", target.max)):
            if bound is not None and target.type not in _NUMERIC:
                self.findings.note(
                    f"{self.field}.{name}", f"only numbers have bounds, not type {target.type}; remove it"
                )
        if target.pattern is not None and target.type not in _TEXTUAL:
            self.findings.note(
                f"{self.field}.pattern", f"only strings have a pattern, not type {target.type}; remove it"
            )
        if target.pattern is not None and (target.min is not None or target.max is not None):
            self.findings.note(
                f"{self.field}.pattern", "no value is both a string and a number; remove pattern or bounds"
            )

    def _check_enum(self, source: snapshot.Source | None) -> None:
        entries = self.target.enum or []
        self.findings.duplicates(f"{self.field}.enum", entries)
        for index, entry in enumerate(entries):
            field = f"{self.field}.enum[{index}]"
            if self._has_type(field, entry) and self.target.type is None and isinstance(source, snapshot.FromPath):
                check_normalised(field, source.path, entry, self.findings)

    def _check_constant(self, name: str, value: JsonValue, pattern: Pattern | None) -> None:
        """Note a value of the route's own that would always be left out."""
        field = f"{self.field}.{name}"
        if value is None:
            return
        self.findings.json(field, value)
        if not self._has_type(field, value):
            return
        enum = self.target.enum
        if enum is not None and not any(is_equal(value, entry) for entry in enum):
            self.findings.note(field, "is none of enum; add it there, or write one of them")
        if pattern is not None and not pattern.matches(value):
            self.findings.note(field, "is not matched by pattern; change one of the two")
        if not self._is_within(value):
            self.findings.note(field, "is outside of min and max; change one of them")

    def _is_within(self, value: JsonValue) -> bool:
        low, high = self.target.min, self.target.max
        if low is None and high is None:
            return True
        return is_number(value) and (low is None or value >= low) and (high is None or value <= high)

    def _has_type(self, field: str, value: JsonValue) -> bool:
        """Whether a value is of the declared type already, since converting it would surprise its author."""
        type_ = self.target.type
        if type_ is None:
            return True
        converted = convert(value, type_, region=self.region)
        if converted is not None and is_equal(converted, value):
            return True
        hint = "" if converted is None else f"; write {converted!r}"
        self.findings.note(field, f"is not of type {type_}{hint}")
        return False
