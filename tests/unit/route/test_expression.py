from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from leadgateway.route.expression import Expression, InvalidExpression, PreparedLead
from leadgateway.route.path import MISSING

GOOGLE: dict[str, Any] = {
    "user_column_data": [
        {"column_id": "EMAIL", "string_value": "a@b.de"},
        {"column_id": "POSTAL_CODE", "string_value": "66123"},
    ]
}


def holds(expression: Any, lead: Any) -> Any:
    return Expression.parse(expression).holds(lead)


def value(expression: Any, lead: Any = None) -> Any:
    return Expression.parse(expression).value(lead if lead is not None else {})


@pytest.mark.parametrize(
    ("expression", "lead"),
    [
        ("lead.budget >= 5000", {"budget": 5000}),
        ("lead.budget >= 5000", {"budget": 5000.5}),
        ("lead.budget >= 5000", {"budget": 2**63}),
        ("lead.budget >= 5000", {"budget": 10**400}),
        ("lead.budget < 0", {"budget": -(10**400)}),
        ("has(lead.phone) || has(lead.email)", {"email": "x"}),
        ("lead.missing || true", {}),
        ('lead.tags.exists(t, t == "solar")', {"tags": ["wind", "solar"]}),
        ('lead["first name"].startsWith("A")', {"first name": "Anna"}),
        ("type(lead.zip) == string", {"zip": "66123"}),
        ('lead.zip.matches("^66[0-9]{3}$")', {"zip": "66123"}),
        ('lead.text.matches("66")', {"text": "in 66123"}),
        ("lead.name == 'x' // a comment", {"name": "x"}),
        ("lead == {}", {}),
        ("lead.items.all(i, lead.items.exists(j, i == j))", {"items": [1, 2, 3]}),
    ],
)
def test_an_expression_holds(expression: Any, lead: Any) -> None:
    assert holds(expression, lead)


@pytest.mark.parametrize(
    ("expression", "lead"),
    [
        ("lead.budget >= 5000", {"budget": 4999}),
        ("lead.budget >= 5000", {"budget": "5000"}),
        ("lead.budget >= 5000", {}),
        ("lead.budget >= 5000", None),
        ("lead.budget >= 5000", [1]),
        ("lead.budget / 0 == 1", {"budget": 1}),
        ("lead.budget + 9223372036854775807 > 0", {"budget": 1}),
        ("lead.budget", {"budget": 1}),
        ("lead.budget", {"budget": "true"}),
        ("lead", {"a": 1}),
        ("lead.list[5] == 1", {"list": [1]}),
        ('lead.zip.matches("^66")', {"zip": 66123}),
    ],
)
def test_an_error_or_a_result_that_is_not_true_does_not_hold(expression: Any, lead: Any) -> None:
    assert not holds(expression, lead)


def test_a_lone_surrogate_anywhere_in_the_lead_disturbs_nothing() -> None:
    lead = {"name": "a\ud800", "\udfff": [{"x": "\ud800"}], "zip": "66123"}
    assert holds('lead.zip == "66123"', lead)
    assert value("lead.name", lead) == "a�"
    assert holds('lead.name.matches("^a.$")', lead)


def test_the_lead_itself_is_left_as_it_was() -> None:
    lead = {"name": "\ud800", "n": 10**400}
    value("lead.name", lead)
    assert lead == {"name": "\ud800", "n": 10**400}


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ('lead.user_column_data.filter(c, c.column_id == "EMAIL")[0].string_value', "a@b.de"),
        ("size(lead.user_column_data)", 2),
        ("[1, 2.5, 'x', null, true, {'a': [1u]}]", [1, 2.5, "x", None, True, {"a": [1]}]),
        ("{2: 'int', true: 'bool', 'k': 'string'}", {"2": "int", "true": "bool", "k": "string"}),
        ('timestamp("2024-02-29T12:00:00Z")', "2024-02-29T12:00:00Z"),
        ('duration("90s")', "90s"),
        ('duration("1500ms")', "1.5s"),
        ('b"hello"', "aGVsbG8="),
        ("type(1)", "int"),
        ("lead", GOOGLE),
        ("null", None),
    ],
)
def test_a_result_becomes_json(expression: Any, result: Any) -> None:
    assert value(expression, GOOGLE) == result


@pytest.mark.parametrize(
    "expression", ["1.0 / 0.0", "0.0 / 0.0", "[1.0 / 0.0]", "{'a': -1.0 / 0.0}", "lead.x", "lead.x[0]", "1 / 0"]
)
def test_what_json_cannot_hold_and_errors_are_missing(expression: Any) -> None:
    assert value(expression) is MISSING


def test_a_huge_integer_is_shown_as_a_float() -> None:
    assert value("lead.n", {"n": 10**30}) == 1e30
    assert value("lead.n", {"n": 2**63 - 1}) == 2**63 - 1
    assert value("lead.n", {"n": 10**400}) is MISSING
    shown: Any = PreparedLead.of({"n": -(10**400)}).shown
    assert math.isinf(shown["n"])


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("", "not valid CEL"),
        ("lead.", "line 1, column 6"),
        ("lead.a ==\n  == 1", "line 2"),
        ("\ud800", "surrogate"),
        ("(" * 300 + "1" + ")" * 300, "not valid CEL"),
        ("l" * 1025, "at most 1024 characters, this one has 1025"),
        ("budget >= 5000", "unknown name 'budget'; .* lead.budget"),
        ("lead.items.map(x, y)", "unknown name 'y'"),
        ("now() > timestamp('2024-01-01T00:00:00Z')", r"unknown function now\(\)"),
        ("lead.name.lowerAscii()", r"unknown method lowerAscii\(\)"),
        ("size(lead.a) + contains(lead.a, 'b')", r"unknown function contains\(\)"),
        ("lead.`a-b`", "not valid CEL"),
        ("Lead{a: 1}", "messages"),
        (".lead.a", "a dot follows what it reads from"),
        ("lead.a.all((x), x > 0)", r"all\(item, …\)"),
        ("lead.a.map()", r"map\(item, …\)"),
        ("lead.a.map(lead, lead)", "'lead' hides"),
        ("lead.a.map(int, int)", "'int' hides"),
        ("lead.a.matches(lead.b)", "as one string"),
        ("lead.a.matches('a' + 'b')", "as one string"),
        ("lead.a.matches(b'a')", "as one string"),
        ("lead.a.matches('(')", "does not compile"),
        ("lead.a.all(x, lead.b.all(y, lead.c.all(z, z == x)))", "at most one inside another"),
        ("lead.a.map\n(x, //)\n lead.a.map(y, ([1].filter(z, true))))", "at most one inside another"),
        ("[[[1]]].all(x, x.exists(y, y.existsOne(z, z == 1)))", "at most one inside another"),
        ("['a']" + ".map(a, a + a)" * 40, "add up to too much"),
    ],
)
def test_an_expression_that_may_not_be_used_says_what_to_change(expression: Any, sentence: Any) -> None:
    with pytest.raises(InvalidExpression, match=sentence):
        Expression.parse(expression)


def test_no_string_hides_a_loop() -> None:
    hidden = r"""r"\" == "x" && lead.a.all(x, lead.a.all(y, lead.a.all(z, true))) && "" == "" """
    with pytest.raises(InvalidExpression, match="at most one inside another"):
        Expression.parse(hidden)


def test_words_in_strings_and_comments_are_no_loops() -> None:
    text = """lead.a.all(x, x != 'lead.a.all(y, [1].map(z, "' && x != b"'" && x != r'\\' && x != '''it's''')  // .map(q, q)"""  # noqa: E501
    assert Expression.parse(text).holds({"a": ["b"]})


def test_fields_may_be_called_like_loops_and_functions() -> None:
    assert holds("lead.map == 1 && lead.size == 2 && lead.all.filter == 3", {"map": 1, "size": 2, "all": {"filter": 3}})


def test_lists_of_a_thousand_elements_are_judged_and_longer_ones_fail() -> None:
    rule = Expression.parse("lead.items.all(i, i >= 0)")
    assert rule.holds({"items": list(range(1000))})
    assert not rule.holds({"items": list(range(1001))})
    assert not rule.holds({"items": [1], "other": {"deep": [0] * 1001}})


@pytest.mark.parametrize(
    "expression",
    [
        "lead.items.map(a, lead.items.map(b, b)).size() > 0",
        "lead.items.all(a, lead.items.all(b, b == a || true))",
        "lead.items.map(a, lead.text)",
        "lead.items.map(a, lead['text'] + lead.text)",
        "lead.items.all(a, lead.text.matches('[a-q][^u-z]{13}x') || true)",
        "lead.items.map(a, a)" + ".map(a, a)" * 30,
        "lead.items.all(a, lead == lead)",
        "lead.items.all(a, lead.items == lead.items)",
    ],
)
def test_no_lead_makes_an_expression_take_long(expression: Any) -> None:
    lead: dict[str, Any] = {"items": list(range(1000)), "text": "x" * 200_000}
    compiled = Expression.parse(expression)
    started = time.perf_counter()
    compiled.value(lead)
    compiled.holds(lead)
    assert time.perf_counter() - started < 1.5


def test_nested_loops_over_lists_of_usual_length_are_judged() -> None:
    assert holds("lead.items.all(a, lead.items.exists(b, b == a))", {"items": list(range(200))})


def test_a_lead_nested_too_deeply_is_missing_and_never_raises() -> None:
    lead: dict[str, Any] = {"a": 1}
    for _ in range(20_000):
        lead = {"a": lead, "s": "\ud800"}
    assert value("lead.a", lead) is MISSING


def test_a_prepared_lead_gives_the_same_answers() -> None:
    prepared = PreparedLead.of(GOOGLE)
    expression = Expression.parse("lead.user_column_data[0].column_id")
    assert expression.value(prepared) == expression.value(GOOGLE) == "EMAIL"


def test_an_expression_may_be_compiled_in_one_thread_and_used_in_others() -> None:
    with ThreadPoolExecutor(2) as threads:
        expression = threads.submit(Expression.parse, 'lead.a.matches("^x")').result()
        assert all(threads.map(expression.holds, [{"a": "x"}] * 50))


def test_reads_of_keys_that_are_not_there_cost_nothing() -> None:
    assert not holds("lead.items.all(a, lead.text.deep == a)", {"items": [1], "text": "x"})
    assert not holds("lead.items.all(a, lead.nothing == a)", {"items": [1]})
