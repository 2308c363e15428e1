"""The laws of CEL expressions."""

from __future__ import annotations

import copy
import json
import time

from hypothesis import assume, given
from hypothesis import strategies as st

from leadgateway.json import JsonValue
from leadgateway.route.expression import Expression, InvalidExpression, PreparedLead
from leadgateway.route.path import MISSING
from tests.property.strategies import json_values, leads

ATOMS = st.sampled_from(
    (
        *("lead", "lead.a", "lead.b", "lead.data", "lead.email", 'lead["zip"]', "x", "int", "1", "-1", "2u", "1.5"),
        *("0.0", "9223372036854775807", "-9223372036854775808", '"a"', '"é"', "r'\\'", "b'x'", "true", "null", "[]"),
        *("{}", "[1, 2]", '{"a": 1}', "{1: 2}", 'timestamp("9999-12-31T23:59:59Z")', 'duration("-9223372036s")'),
    )
)
OPERATORS = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in"])
FUNCTIONS = st.sampled_from(
    ["bytes", "double", "duration", "dyn", "int", "size", "string", "timestamp", "type", "uint"]
)
METHODS = st.sampled_from(
    ["size()", "getFullYear()", "contains('a')", 'matches("^[a-z]+")', "map(x, x)", "all(x, x == x)"]
)
LOOPS = st.sampled_from(["map", "filter", "all", "exists", "exists_one"])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, OPERATORS, inner),
        st.builds("{}({})".format, FUNCTIONS, inner),
        st.builds("{}.{}".format, inner, METHODS),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        st.builds("{}.{}(x, {})".format, inner, LOOPS, inner),
        st.builds("!{}".format, inner),
    )


expressions = st.recursive(ATOMS, _larger, max_leaves=8)
blanks = st.sampled_from(["", " ", "\n", "// )\n", "\t"])


def parsed(text: str) -> Expression:
    assume(refusal(text) is None)
    return Expression.parse(text)


def refusal(text: str) -> str | None:
    """Why a text is no expression; None: it is one."""
    try:
        Expression.parse(text)
    except InvalidExpression as refused:
        return str(refused)
    return None


@given(expressions | st.text(max_size=40))
def test_a_text_is_an_expression_or_refused(text: str) -> None:
    """Any text compiles or is refused with a sentence."""
    assert refusal(text) is None or len(refusal(text) or "") > 10


@given(expressions, leads() | json_values())
def test_no_crash(text: str, lead: JsonValue) -> None:
    """No expression ever raises, whatever the lead; it leaves the lead alone, and its value is JSON."""
    expression, before = parsed(text), copy.deepcopy(lead)

    value = expression.value(lead)

    assert value is MISSING or json.dumps(value, allow_nan=False)
    assert lead == before


@given(expressions, leads())
def test_holding_is_being_true(text: str, lead: JsonValue) -> None:
    """An expression holds if and only if its value is true, prepared lead or not."""
    expression, prepared = parsed(text), PreparedLead.of(lead)

    assert expression.holds(lead) == (expression.value(lead) is True) == expression.holds(prepared)


@given(expressions, st.integers(0, 1000), st.integers(0, 50_000))
def test_work_is_bounded(text: str, elements: int, characters: int) -> None:
    """No expression takes long, whatever the size of the lead."""
    expression = parsed(text)
    numbers: list[JsonValue] = list(range(elements))
    lead: JsonValue = {"a": numbers, "b": "x" * characters, "data": {str(number): "y" for number in numbers}}
    started = time.thread_time()

    expression.value(lead)

    assert time.thread_time() - started < 2


@given(st.lists(LOOPS, min_size=3, max_size=3), st.lists(blanks, min_size=12, max_size=12))
def test_no_writing_hides_loops(loops: list[str], gaps: list[str]) -> None:
    """Three loops inside each other are refused however they are written."""
    text = "true"
    for loop, index in zip(loops, (0, 4, 8), strict=True):
        dot, name, opening, comma = gaps[index : index + 4]
        text = f"(lead.a{dot}.{name}{loop}{opening}(x{comma}, {text}))"
    text = f"'(' != \")\" && {text}"

    assert "at most one inside another" in (refusal(text) or "")


@given(leads())
def test_fields_are_read_as_paths_read_them(lead: dict[str, JsonValue]) -> None:
    """A plain field of the lead has the value that the lead has, but for what CEL can't see."""
    shown = PreparedLead.of(lead).shown
    assert isinstance(shown, dict)

    value = Expression.parse("lead.email").value(lead)

    assert value == shown.get("email", MISSING) or value is MISSING
