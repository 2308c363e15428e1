"""The first rule that fails rejects the lead, with its code."""

from __future__ import annotations

import pytest

from leadgateway.json import JsonValue
from leadgateway.pipeline.outcome import Rejected
from leadgateway.pipeline.rules import first_failure
from leadgateway.route.snapshot import Check
from tests.building.rules_and_targets import a_rule, equals, holds, in_range, matches, one_of, required


def failure(check: Check, lead: dict[str, JsonValue]) -> Rejected | None:
    return first_failure(lead, [a_rule(check)])


def passes(check: Check, lead: dict[str, JsonValue]) -> bool:
    return failure(check, lead) is None


def test_without_rules_every_lead_passes() -> None:
    assert first_failure({}, []) is None


def test_the_first_rule_that_fails_gives_the_code() -> None:
    rules = [
        a_rule(required("email"), "PASSES"),
        a_rule(required("zip"), "FIRST"),
        a_rule(required("phone"), "SECOND"),
    ]

    rejected = first_failure({"email": "a@b.example"}, rules)

    assert rejected == Rejected("FIRST", "zip", "zip is missing or empty.")


@pytest.mark.parametrize("value", ["66123", 0, False, [], {}, ".", "\x00", "\u200b"])
def test_required_passes_what_says_something(value: JsonValue) -> None:
    assert passes(required("address.zip"), {"address": {"zip": value}})


@pytest.mark.parametrize("value", [None, "", " ", "\t\r\n", "\u00a0\u2003\u3000"])
def test_required_fails_on_null_and_on_blank_strings(value: JsonValue) -> None:
    assert not passes(required("address.zip"), {"address": {"zip": value}})


@pytest.mark.parametrize("lead", [{}, {"address": None}, {"address": "66123"}, {"address": []}, {"zip": "66123"}])
def test_required_fails_where_there_is_nothing(lead: dict[str, JsonValue]) -> None:
    assert not passes(required("address.zip"), lead)


def test_required_names_the_first_path_that_is_missing() -> None:
    rejected = failure(required("email", "address.zip", "phone"), {"email": "a@b.example"})

    assert rejected is not None
    assert rejected.field == "address.zip"


@pytest.mark.parametrize("zip_code", ["66000", "66123", "66999"])
def test_a_zip_of_the_saarland_matches(zip_code: str) -> None:
    assert passes(matches("zip", r"^66\d{3}$"), {"zip": zip_code})


@pytest.mark.parametrize(
    "zip_code",
    ["12345", "65999", "67000", "6612", "661234", "", " 66123", "66123 ", "66123\n", "x66123", "66１23", "66٣٣٣"],
)
def test_any_other_zip_does_not_match(zip_code: str) -> None:
    assert not passes(matches("zip", r"^66\d{3}$"), {"zip": zip_code})


@pytest.mark.parametrize("value", [66123, 66123.0, True, None, ["66123"], {"66123": "66123"}])
def test_only_strings_match(value: JsonValue) -> None:
    assert not passes(matches("zip", r".*"), {"zip": value})


@pytest.mark.parametrize("pattern", [r"66\d{3}", r"^66\d{3}", r"66\d{3}$", r"(?:66\d{3})"])
def test_a_pattern_matches_the_whole_value_with_anchors_or_without(pattern: str) -> None:
    assert passes(matches("zip", pattern), {"zip": "66123"})
    assert not passes(matches("zip", pattern), {"zip": "661234"})


@pytest.mark.parametrize("value", ["\ud800", "66\udfff23", "\x00", "a" * 100_000])
def test_a_strange_string_does_not_match_and_does_no_harm(value: str) -> None:
    assert not passes(matches("zip", r"^66\d{3}$"), {"zip": value})


@pytest.mark.parametrize(
    ("demanded", "value"),
    [(True, True), (1, 1.0), ("a", "a"), ([1, {"a": None}], [1.0, {"a": None}]), (2**70, 2**70)],
)
def test_equals_passes_the_same_json_value(demanded: JsonValue, value: JsonValue) -> None:
    assert passes(equals("field", demanded), {"field": value})


@pytest.mark.parametrize(
    ("demanded", "value"),
    [
        (True, 1),
        (True, "true"),
        (True, "yes"),
        (True, False),
        (True, None),
        (1, True),
        (1, "1"),
        ("a", "A"),
        ("a", " a"),
        ([1], [1, 2]),
        (2**53 + 1, float(2**53)),
    ],
)
def test_equals_fails_on_any_other_value(demanded: JsonValue, value: JsonValue) -> None:
    assert not passes(equals("field", demanded), {"field": value})


def test_a_missing_field_equals_nothing_not_even_null() -> None:
    assert passes(equals("field", None), {"field": None})
    assert not passes(equals("field", None), {})


@pytest.mark.parametrize("value", ["house", 2, 2.0])
def test_in_passes_each_value_of_its_list(value: JsonValue) -> None:
    assert passes(one_of("kind", "house", "flat", 2), {"kind": value})


@pytest.mark.parametrize("value", ["House", "", None, True, "2", ["house"]])
def test_in_fails_on_any_other_value(value: JsonValue) -> None:
    assert not passes(one_of("kind", "house", "flat", 2, 1), {"kind": value})


@pytest.mark.parametrize("value", [18, 18.0, 50.5, 99])
def test_range_includes_its_bounds(value: JsonValue) -> None:
    assert passes(in_range("age", 18, 99), {"age": value})


@pytest.mark.parametrize("value", [17, 17.999, 99.001, -50, 10**400, -(10**400), True, "50", None, [50]])
def test_range_fails_outside_of_its_bounds_and_on_what_is_no_number(value: JsonValue) -> None:
    assert not passes(in_range("age", 18, 99), {"age": value})


def test_range_may_lack_one_bound() -> None:
    assert passes(in_range("budget", minimum=5000), {"budget": 10**400})
    assert passes(in_range("budget", maximum=5000), {"budget": -(10**400)})
    assert not passes(in_range("budget", minimum=5000), {"budget": 4999})


def test_range_is_exact_for_large_integers() -> None:
    assert not passes(in_range("id", maximum=float(2**53)), {"id": 2**53 + 1})


def test_a_boolean_is_in_no_range() -> None:
    assert not passes(in_range("age", 0, 1), {"age": True})


@pytest.mark.parametrize(
    ("expression", "lead"),
    [
        ("lead.budget >= 5000", {"budget": 5000}),
        ('lead.kind in ["house", "flat"]', {"kind": "flat"}),
        ('lead.data.exists(c, c.id == "EMAIL")', {"data": [{"id": "NAME"}, {"id": "EMAIL"}]}),
        ('lead.name == "\\U0000FFFD"', {"name": "\ud800"}),
    ],
)
def test_a_cel_rule_passes_what_it_holds_for(expression: str, lead: dict[str, JsonValue]) -> None:
    assert passes(holds(expression), lead)


@pytest.mark.parametrize(
    "lead",
    [{"budget": 4999}, {}, {"budget": "5000"}, {"budget": None}, {"budget": [5000]}, {"budget": {"budget": 5000}}],
)
def test_a_cel_rule_fails_on_false_and_on_errors(lead: dict[str, JsonValue]) -> None:
    assert not passes(holds("lead.budget >= 5000"), lead)


def test_a_cel_rule_must_be_true_itself_not_something_like_it() -> None:
    assert not passes(holds("lead.budget"), {"budget": 5000})


def test_several_cel_rules_look_at_the_same_lead() -> None:
    rules = [a_rule(holds("lead.a == 1"), "A"), a_rule(holds("lead.b == 2"), "B"), a_rule(holds("lead.c == 3"), "C")]

    rejected = first_failure({"a": 1, "b": 2, "c": 4}, rules)

    assert rejected is not None
    assert (rejected.code, rejected.field) == ("C", None)


@pytest.mark.parametrize(
    ("check", "says"),
    [
        (matches("iban", r"\d+"), "iban is not a string that the pattern matches in full."),
        (equals("iban", "x"), "iban does not equal the value that the rule demands."),
        (one_of("iban", "x", "y"), "iban is none of the values that the rule allows."),
        (in_range("iban", 0), "iban is not a number within the bounds of the rule."),
        (holds('lead.iban == "x"'), "The CEL expression of the rule does not hold."),
    ],
)
def test_a_rejection_says_what_failed_and_not_what_the_lead_holds(check: Check, says: str) -> None:
    rejected = failure(check, {"iban": "DE02120300000000202051"})

    assert rejected is not None
    assert rejected.message == says


@pytest.mark.parametrize("check", [matches("iban", r".*"), equals("iban", 1), one_of("iban", 1), in_range("iban", 1)])
def test_a_rejection_says_when_the_field_is_missing(check: Check) -> None:
    assert failure(check, {}) == Rejected("FAILED", "iban", "iban is missing.")
