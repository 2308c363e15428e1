"""CEL expressions: rules and mapping sources that look at the lead as `lead`.

The library raises for a missing field, for types that don't fit, and for a lone surrogate or an integer beyond a double
anywhere in the lead. Here an evaluation never raises and its work is bounded: what can't be evaluated doesn't hold, and
has no value. One thing is as the library has it: `size()` of a string counts UTF-8 bytes.
"""

from __future__ import annotations

import base64
import math
import re
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import ModuleType
from typing import TYPE_CHECKING

from leadgateway.json import JsonValue
from leadgateway.route.cel import cost, syntax
from leadgateway.route.path import MISSING, Missing
from leadgateway.route.pattern import InvalidPattern, Pattern
from leadgateway.route.surrogate import replace_surrogates

if TYPE_CHECKING:
    import cel

MAX_EXPRESSION_LENGTH = 1024
"""Longest expression in characters."""


class InvalidExpression(ValueError):
    """The expression does not compile, or may not be used."""


@dataclass(frozen=True, slots=True)
class PreparedLead:
    """A lead measured and converted once, for all the expressions that look at it.

    Attributes:
        lead: The lead itself.
        extent: How big it is.
        shown: What CEL sees: the lead with lone surrogates replaced and huge integers as floating-point numbers.
    """

    lead: JsonValue
    extent: cost.Extent
    shown: JsonValue = field(repr=False)

    @classmethod
    def of(cls, lead: JsonValue) -> PreparedLead:
        """Prepare a lead.

        Args:
            lead: Any JSON value; CEL sees nothing of it if it nests deeper than `cost.MAX_DEPTH`.

        Returns:
            What `Expression.holds` and `Expression.value` take.
        """
        extent = cost.measure(lead)
        needs_copy = not extent.is_plain and extent.depth <= cost.MAX_DEPTH
        return cls(lead, extent, _presentable(lead) if needs_copy else lead)


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression, for use by any thread."""

    text: str
    _outline: syntax.Outline = field(compare=False, repr=False)
    _patterns: dict[str, Pattern] = field(compare=False, repr=False)
    _value: cel.Program = field(compare=False, repr=False)
    _holds: cel.Program = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Compile an expression.

        Args:
            text: CEL over the one variable `lead`.

        Returns:
            The compiled expression.

        Raises:
            InvalidExpression: It does not compile, uses an unknown name, nests more than one loop inside another, costs
                too much, or gives `matches` a pattern that does not compile. The message says what to change.
        """
        if len(text) > MAX_EXPRESSION_LENGTH:
            raise InvalidExpression(
                f"an expression has at most {MAX_EXPRESSION_LENGTH} characters, this one has {len(text)}"
            )
        _compile(text)
        try:
            outline = syntax.outline(text)
            cost.refuse_costly(outline)
            patterns = {pattern: Pattern.parse(pattern) for pattern in map(_literal, outline.patterns)}
        except (syntax.UnsupportedSyntax, cost.TooCostly, InvalidPattern) as error:
            raise InvalidExpression(str(error)) from None
        # Comparing inside CEL spares the conversion of whatever the expression may yield instead of a boolean.
        holds = _compile(f"({outline.executable}\n) == true")
        return cls(text, outline, patterns, _compile(outline.executable), holds)

    def holds(self, lead: JsonValue | PreparedLead) -> bool:
        """Tell whether the expression is true of a lead; an error or any other result counts as false."""
        return self._evaluate(self._holds, lead) is True

    def value(self, lead: JsonValue | PreparedLead) -> JsonValue | Missing:
        """Compute the expression's result for a lead.

        Args:
            lead: The lead, prepared or not.

        Returns:
            The result as JSON, by the rules of the protobuf JSON mapping (timestamps as RFC 3339, durations in seconds
            as `90s`, bytes as base64); `MISSING` after an error, and for what JSON can't hold (NaN, infinity).
        """
        return _as_json(self._evaluate(self._value, lead))

    def _evaluate(self, program: cel.Program, lead: JsonValue | PreparedLead) -> object:
        prepared = lead if isinstance(lead, PreparedLead) else PreparedLead.of(lead)
        if not cost.is_affordable(self._outline, prepared.lead, prepared.extent):
            return MISSING
        try:
            return program.execute(self._context(prepared))
        except Exception:  # a lead can make the library raise any of eight types
            return MISSING

    def _context(self, prepared: PreparedLead) -> dict[str, object] | cel.Context:
        variables: dict[str, object] = {syntax.LEAD: prepared.shown}
        return _library().Context(variables, {syntax.SEARCH: self._search}) if self._patterns else variables

    def _search(self, text: object, pattern: str) -> bool | None:
        """What is no string gives null, which is no boolean: raising here, the library would write to stderr."""
        return self._patterns[pattern].occurs_in(text) if isinstance(text, str) else None


def _library() -> ModuleType:
    """Load what takes 4 MiB only where a route has an expression.

    It imports its own command line, and with it prompt_toolkit, Pygments and 150 more modules: 7 MiB more.
    """
    sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))
    import cel  # noqa: PLC0415

    return cel


_PARSE_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?(.*?)(?: expecting .*)?$", re.MULTILINE)


def _compile(text: str) -> cel.Program:
    try:
        program: cel.Program = _library().compile(text)
    except UnicodeEncodeError:
        raise InvalidExpression("the expression holds half a surrogate pair; write whole characters") from None
    except ValueError as error:
        found = _PARSE_ERROR.search(str(error))
        where = f"line {found[1]}, column {found[2]}: {found[3]}" if found else "it can't be read"
        raise InvalidExpression(f"the expression is not valid CEL ({where})") from None
    return program


def _literal(token: str) -> str:
    """The text a string literal stands for."""
    return str(_compile(token).execute())


def _presentable(value: JsonValue) -> JsonValue:
    """Copy a value without what CEL refuses; its depth was checked."""
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, list):
        return [_presentable(item) for item in value]
    if isinstance(value, dict):
        return {replace_surrogates(key): _presentable(item) for key, item in value.items()}
    if isinstance(value, int) and value.bit_length() > 63:
        return _as_float(value)
    return value


def _as_float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _as_json(value: object) -> JsonValue | Missing:
    """Convert a result, whose depth CEL's own nesting limit and the lead's bound."""
    if isinstance(value, float):
        return value if math.isfinite(value) else MISSING
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list):
        return _all_present([_as_json(item) for item in value])
    if isinstance(value, dict):
        items = {_as_key(key): _as_json(item) for key, item in value.items()}
        return MISSING if MISSING in items.values() else items  # type: ignore[return-value]
    return _as_text(value)


def _all_present(items: list[JsonValue | Missing]) -> JsonValue | Missing:
    return MISSING if any(item is MISSING for item in items) else items  # type: ignore[return-value]


def _as_key(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _as_text(value: object) -> str | Missing:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.9f}".rstrip("0").rstrip(".") + "s"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return MISSING
