"""Compiles `spec.validation`."""

from __future__ import annotations

from leadgateway.json import JsonValue, is_equal
from leadgateway.pipeline.normalise import normalise
from leadgateway.route import snapshot
from leadgateway.route.compile.findings import Findings
from leadgateway.route.expression import Expression
from leadgateway.route.model import Rule, Validation
from leadgateway.route.path import DotPath
from leadgateway.route.pattern import Pattern

_CHECKS = ("required", "matches", "equals", "in", "range", "cel")
_WITHOUT_FIELD = frozenset({"required", "cel"})


def compile_rules(validation: Validation, findings: Findings) -> tuple[snapshot.Rule, ...]:
    """Compile the rules in their order; those with problems are left out."""
    compiled = []
    for index, rule in enumerate(validation.rules):
        compile_ = _RuleCompiler(rule, f"spec.validation.rules[{index}]", findings)
        check = compile_.check(sees_normalised=validation.evaluate == "normalized")
        if check is not None:
            compiled.append(snapshot.Rule(rule.code, check))
    return tuple(compiled)


class _RuleCompiler:
    """Compiles one rule."""

    def __init__(self, rule: Rule, field: str, findings: Findings) -> None:
        self.rule = rule
        self.field = field
        self.findings = findings

    def check(self, *, sees_normalised: bool) -> snapshot.Check | None:
        """The rule's check; None after noting why there is none."""
        kind = self._kind()
        if kind == "required":
            return self._required(self.rule.required or [])
        if kind == "cel":
            expression = self.findings.parsed(f"{self.field}.cel", Expression.parse, self.rule.cel or "")
            return snapshot.Holds(expression) if expression else None
        if kind is None or self.rule.field is None:
            return None
        path = self.findings.parsed(f"{self.field}.field", DotPath.parse, self.rule.field)
        return self._of_field(kind, path or DotPath.parse("invalid"), sees_normalised=sees_normalised)

    def _kind(self) -> str | None:
        """Which check the rule makes."""
        rule = self.rule
        values = (rule.required, rule.matches, rule.equals, rule.in_, rule.range, rule.cel)
        kinds = [kind for kind, value in zip(_CHECKS, values, strict=True) if value is not None]
        if len(kinds) != 1:
            found = f"has {' and '.join(kinds)}; split it" if kinds else "has none; add one"
            self.findings.note(self.field, f"a rule makes exactly one check ({', '.join(_CHECKS)}), this one {found}")
            return None
        self._check_field(kinds[0])
        return kinds[0]

    def _check_field(self, kind: str) -> None:
        if kind in _WITHOUT_FIELD and self.rule.field is not None:
            self.findings.note(f"{self.field}.field", f"{kind} does not look at field; remove it")
        if kind not in _WITHOUT_FIELD and self.rule.field is None:
            self.findings.note(self.field, f"{kind} needs field, the dot path of the value that it checks; add it")

    def _required(self, texts: list[str]) -> snapshot.Check:
        field = f"{self.field}.required"
        self.findings.duplicates(field, texts)
        paths = [self.findings.parsed(f"{field}[{index}]", DotPath.parse, text) for index, text in enumerate(texts)]
        return snapshot.Required(tuple(filter(None, paths)))

    def _of_field(self, kind: str, path: DotPath, *, sees_normalised: bool) -> snapshot.Check | None:
        rule = self.rule
        if kind == "matches":
            pattern = self.findings.parsed(f"{self.field}.matches", Pattern.parse, rule.matches or "")
            return snapshot.Matches(path, pattern) if pattern else None
        if kind == "range":
            return self._range(path)
        if kind == "equals":
            self._check_value(f"{self.field}.equals", path, rule.equals, sees_normalised=sees_normalised)
            return snapshot.Equals(path, rule.equals)
        for index, value in enumerate(rule.in_ or []):
            self._check_value(f"{self.field}.in[{index}]", path, value, sees_normalised=sees_normalised)
        return snapshot.OneOf(path, tuple(rule.in_ or []))

    def _range(self, path: DotPath) -> snapshot.Check | None:
        bounds = self.rule.range
        if bounds is None or (bounds.min is None and bounds.max is None):
            self.findings.note(f"{self.field}.range", "a range has min, max or both; add one")
            return None
        check_bounds(f"{self.field}.range", bounds.min, bounds.max, self.findings)
        return snapshot.InRange(path, bounds.min, bounds.max)

    def _check_value(self, field: str, path: DotPath, value: JsonValue, *, sees_normalised: bool) -> None:
        self.findings.json(field, value)
        if sees_normalised:
            check_normalised(field, path, value, self.findings)


def check_bounds(field: str, minimum: float | None, maximum: float | None, findings: Findings) -> None:
    """Note bounds that no number lies between."""
    if minimum is not None and maximum is not None and minimum > maximum:
        findings.note(f"{field}.min", f"min ({minimum:g}) is above max ({maximum:g}); swap or change them")


def check_normalised(field: str, path: DotPath, value: JsonValue, findings: Findings) -> None:
    """Note a value that a normalised lead can't have at this path, such as `" A@B.DE"` or `"true"`."""
    if not isinstance(value, str):
        return
    key = str(path.segments[-1])
    normalised = normalise({key: value})[key]
    if not is_equal(normalised, value):
        findings.note(field, f"no normalised value is {value!r}; it would be {normalised!r}, so write that")
