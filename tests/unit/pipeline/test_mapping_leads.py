"""A payload holds what its targets ask for, and nothing else."""

from __future__ import annotations

import copy

import pytest

from leadgateway.json import JsonValue, is_equal
from leadgateway.pipeline.mapping import map_lead
from leadgateway.pipeline.outcome import Mapped, Omission, Rejected
from leadgateway.route.snapshot import Constant, Target
from tests.building.rules_and_targets import a_target, computed, taken_from


def mapped(lead: dict[str, JsonValue], *targets: Target) -> Mapped:
    outcome = map_lead(lead, targets)
    assert isinstance(outcome, Mapped)
    return outcome


def rejected(lead: dict[str, JsonValue], *targets: Target) -> Rejected:
    outcome = map_lead(lead, targets)
    assert isinstance(outcome, Rejected)
    return outcome


def test_without_targets_the_payload_is_empty() -> None:
    assert map_lead({"email": "a@b.example"}, []) == Mapped({}, ())


@pytest.mark.parametrize("value", ["66123", 66123, 0, False, [], {}, ["a", 1], {"a": None}, 2**70])
def test_a_value_is_taken_as_it_is_when_no_type_is_asked_for(value: JsonValue) -> None:
    assert is_equal(mapped({"value": value}, a_target()).payload, {"target": value})


def test_a_value_is_taken_from_a_nested_field() -> None:
    assert mapped({"address": {"zip": "66123"}}, a_target("zip", taken_from("address.zip"))).payload == {"zip": "66123"}


def test_a_value_is_taken_from_a_list() -> None:
    lead: dict[str, JsonValue] = {"field_data": [{"values": ["a"]}, {"values": ["b", "c"]}]}

    assert mapped(lead, a_target("x", taken_from("field_data.1.values.1"))).payload == {"x": "c"}


def test_dots_in_a_target_nest() -> None:
    payload = mapped(
        {"value": 1},
        a_target("product.name", Constant("Solaranlage")),
        a_target("product.details.size"),
        a_target("product.id", Constant(7)),
    ).payload

    assert payload == {"product": {"name": "Solaranlage", "details": {"size": 1}, "id": 7}}


def test_two_targets_may_have_the_same_source() -> None:
    assert mapped({"value": 1}, a_target("a"), a_target("b", type="string")).payload == {"a": 1, "b": "1"}


@pytest.mark.parametrize("value", ["Solaranlage", "", 0, False, {"a": [1]}])
def test_a_constant_is_the_same_for_every_lead(value: JsonValue) -> None:
    assert mapped({}, a_target("product", Constant(value))).payload == {"product": value}


def test_a_value_is_computed_by_cel() -> None:
    source = computed('lead.data.filter(c, c.id == "EMAIL")[0].value')
    lead: dict[str, JsonValue] = {"data": [{"id": "NAME", "value": "x"}, {"id": "EMAIL", "value": "a@b.example"}]}

    assert mapped(lead, a_target("email", source)).payload == {"email": "a@b.example"}


def test_several_values_may_be_computed() -> None:
    targets = [a_target("a", computed('lead.x + "!"')), a_target("b", computed("lead.y * 2"))]

    assert mapped({"x": "x", "y": 2}, *targets).payload == {"a": "x!", "b": 4}


@pytest.mark.parametrize(
    "expression", ["lead.missing", "lead.x / 0", "lead.x + 'a'", "[1][5]", "0.0 / 0.0", "' '", "null"]
)
def test_an_error_of_cel_means_that_nothing_is_there(expression: str) -> None:
    assert mapped({"x": 1}, a_target("a", computed(expression))) == Mapped({}, (Omission("a", "missing"),))


@pytest.mark.parametrize("lead", [{}, {"value": None}, {"value": ""}, {"value": " \t"}])
def test_an_optional_target_without_a_value_is_left_out_and_named(lead: dict[str, JsonValue]) -> None:
    assert mapped(lead, a_target("zip")) == Mapped({}, (Omission("zip", "missing"),))


@pytest.mark.parametrize(
    ("target", "value", "reason"),
    [
        (a_target("t", type="integer"), "five", "wrong_type"),
        (a_target("t", type="email"), "john", "wrong_type"),
        (a_target("t", type="phone"), "12345", "wrong_type"),
        (a_target("t", type="date"), "2026-02-30", "wrong_type"),
        (a_target("t", type="string"), ["a"], "wrong_type"),
        (a_target("t", enum=["a", 1]), "b", "not_in_enum"),
        (a_target("t", enum=["a", 1]), True, "not_in_enum"),
        (a_target("t", enum=["a", 1]), "1", "not_in_enum"),
        (a_target("t", pattern=r"\d{5}"), "6612", "pattern_mismatch"),
        (a_target("t", pattern=r"\d{5}"), 66123, "pattern_mismatch"),
        (a_target("t", minimum=1), 0.5, "out_of_range"),
        (a_target("t", maximum=1), 2, "out_of_range"),
        (a_target("t", maximum=1), True, "out_of_range"),
        (a_target("t", maximum=1), "0", "out_of_range"),
    ],
)
def test_an_optional_target_whose_value_is_not_valid_is_left_out_and_named(
    target: Target, value: JsonValue, reason: str
) -> None:
    outcome = mapped({"value": value}, target)

    assert outcome.payload == {}
    assert [(omission.target, omission.reason) for omission in outcome.omitted] == [("t", reason)]


@pytest.mark.parametrize(
    ("target", "value", "delivered"),
    [
        (a_target(type="integer"), "5", 5),
        (a_target(type="boolean"), "ja", True),
        (a_target(type="email"), "A@B.example", "a@b.example"),
        (a_target(type="phone", region="AT"), "0512 123456", "+43512123456"),
        (a_target(type="date"), "24.11.2026", "2026-11-24"),
        (a_target(type="string", enum=["1", "2"]), 1, "1"),
        (a_target(type="integer", enum=[1, 2]), "1", 1),
        (a_target(type="string", pattern=r"\d{5}"), 66123, "66123"),
        (a_target(type="number", minimum=0, maximum=10), "10.0", 10.0),
        (a_target(type="integer", minimum=10), "10", 10),
        (a_target(pattern=r"^66\d{3}$"), "66123", "66123"),
    ],
)
def test_enum_pattern_and_bounds_judge_the_value_after_its_conversion(
    target: Target, value: JsonValue, delivered: JsonValue
) -> None:
    assert is_equal(mapped({"value": value}, target).payload, {"target": delivered})


def test_omissions_are_named_in_the_order_of_the_targets() -> None:
    outcome = mapped({"b": 1}, a_target("x.y", taken_from("c")), a_target("b", taken_from("b")), a_target("a"))

    assert outcome == Mapped({"b": 1}, (Omission("x.y", "missing"), Omission("a", "missing")))


def test_a_nested_object_without_any_of_its_fields_is_left_out_whole() -> None:
    assert mapped({}, a_target("product.name"), a_target("product.id")).payload == {}


@pytest.mark.parametrize("lead", [{}, {"value": None}, {"value": "  "}])
def test_the_default_stands_in_where_nothing_is(lead: dict[str, JsonValue]) -> None:
    assert mapped(lead, a_target("kind", default="unknown")) == Mapped({"kind": "unknown"}, ())


def test_the_default_stands_in_after_an_error_of_cel() -> None:
    assert mapped({}, a_target("n", computed("lead.missing"), default=0)).payload == {"n": 0}


@pytest.mark.parametrize("default", [False, 0, ""])
def test_a_default_may_be_false_zero_or_empty(default: JsonValue) -> None:
    assert mapped({}, a_target("x", default=default)).payload == {"x": default}


def test_the_default_never_replaces_a_value_that_is_wrong() -> None:
    outcome = mapped({"value": "castle"}, a_target("kind", default="house", enum=["house", "flat"]))

    assert outcome == Mapped({}, (Omission("kind", "not_in_enum"),))


def test_a_default_and_a_constant_are_held_to_the_type_as_well() -> None:
    outcome = mapped(
        {},
        a_target("a", type="integer", default="5"),
        a_target("b", type="integer", default="five"),
        a_target("c", Constant("ja"), type="boolean"),
        a_target("d", Constant("x"), enum=["y"]),
    )

    assert outcome == Mapped({"a": 5, "c": True}, (Omission("b", "wrong_type"), Omission("d", "not_in_enum")))


@pytest.mark.parametrize(
    ("target", "value", "message"),
    [
        (a_target("customer.phone", required=True), None, "has no value"),
        (a_target("customer.phone", required=True), "  ", "has no value"),
        (a_target("customer.phone", type="phone", required=True), "12345", "can't be read as its type, phone"),
        (a_target("customer.phone", enum=["a"], required=True), "12345", "is none of its enum"),
        (a_target("customer.phone", pattern="[a-z]+", required=True), "12345", "its pattern does not match"),
        (a_target("customer.phone", maximum=5, required=True), 12345, "outside of its bounds"),
    ],
)
def test_a_required_target_that_can_not_be_filled_rejects_the_lead_and_is_named(
    target: Target, value: JsonValue, message: str
) -> None:
    outcome = rejected({"value": value}, target)

    assert (outcome.code, outcome.field) == ("MISSING_REQUIRED_FIELD", "customer.phone")
    assert message in outcome.message
    assert "The required field customer.phone has" in outcome.message
    assert "12345" not in outcome.message


def test_the_first_required_target_that_can_not_be_filled_is_named() -> None:
    targets = [
        a_target("a", taken_from("a")),
        a_target("b", taken_from("b"), required=True),
        a_target("c", taken_from("c"), required=True),
    ]

    assert rejected({}, *targets).field == "b"


def test_a_required_target_with_a_default_never_lacks_a_value() -> None:
    assert mapped({}, a_target("kind", required=True, default="unknown")).payload == {"kind": "unknown"}


def test_mapping_changes_neither_the_lead_nor_the_constants_of_the_route() -> None:
    lead: dict[str, JsonValue] = {"value": {"a": [1]}}
    constant = Constant({"b": [2]})
    before = copy.deepcopy((lead, constant))

    mapped(lead, a_target("x.y"), a_target("x.z", constant), a_target("x.w", type="string"))

    assert (lead, constant) == before


def test_a_payload_is_kept_out_of_logs_and_tracebacks() -> None:
    assert "66123" not in repr(mapped({"value": "66123"}, a_target()))
