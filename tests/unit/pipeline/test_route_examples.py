"""A route proves itself by its own examples."""

from __future__ import annotations

import pytest

from leadgateway.json import JsonValue
from leadgateway.pipeline.examples import ExampleFailure, run_examples
from leadgateway.route.snapshot import Constant, Example, Target
from tests.building.rules_and_targets import a_route_that, a_rule, a_target, equals, taken_from


def promise(lead: dict[str, JsonValue], deliver: dict[str, JsonValue], *, name: str = "a homeowner") -> Example:
    return Example(name, lead, deliver, None)


def refusal(lead: dict[str, JsonValue], code: str, *, name: str = "a tenant") -> Example:
    return Example(name, lead, None, code)


def failures(*examples: Example, maps: tuple[Target, ...] = ()) -> list[ExampleFailure]:
    route = a_route_that(
        checks=[a_rule(equals("owner", True), "NOT_HOMEOWNER"), a_rule(equals("zip", "66123"), "ELSEWHERE")],
        maps=maps or (a_target("zip", taken_from("zip")), a_target("phone", taken_from("phone"), type="phone")),
        promises=examples,
    )
    return run_examples(route)


def message(*examples: Example, maps: tuple[Target, ...] = ()) -> str:
    (failure,) = failures(*examples, maps=maps)
    return failure.message


OWNER: dict[str, JsonValue] = {"owner": True, "zip": "66123"}


def test_a_route_without_examples_has_nothing_to_prove() -> None:
    assert failures() == []


def test_examples_that_come_out_as_they_say_are_not_mentioned() -> None:
    assert failures(promise(OWNER, {"zip": "66123"}), refusal({"owner": False}, "NOT_HOMEOWNER")) == []


def test_each_example_that_fails_is_named_in_order() -> None:
    failed = failures(
        promise(OWNER, {}, name="first"),
        promise(OWNER, {"zip": "66123"}, name="good"),
        refusal(OWNER, "X", name="last"),
    )

    assert [failure.name for failure in failed] == ["first", "last"]


def test_a_rejection_that_was_to_be_delivered_says_why() -> None:
    assert message(promise({"owner": False}, {})) == (
        "expected it to be delivered, but it was rejected with NOT_HOMEOWNER: "
        "owner does not equal the value that the rule demands."
    )


def test_a_delivery_that_was_to_be_rejected_shows_what_would_be_sent() -> None:
    assert message(refusal(OWNER, "NOT_HOMEOWNER")) == (
        'expected it to be rejected with NOT_HOMEOWNER, but it would be delivered as {"zip": "66123"}'
    )


def test_a_rejection_with_another_code_shows_both() -> None:
    assert message(refusal({"owner": True}, "NOT_HOMEOWNER")) == (
        "expected it to be rejected with NOT_HOMEOWNER, but it was rejected with ELSEWHERE: zip is missing."
    )


def test_a_payload_that_differs_is_shown_field_by_field() -> None:
    example = promise(
        OWNER | {"phone": "12345"}, {"zip": "66124", "phone": "+496819876543", "product": {"name": "Solar"}}
    )

    assert message(example).splitlines() == [
        "it would be delivered with other contents:",
        '  zip: expected "66124", got "66123"',
        '  phone: expected "+496819876543", got nothing (left out: wrong_type)',
        '  product.name: expected "Solar", got nothing',
    ]


def test_a_field_that_was_not_expected_is_shown() -> None:
    assert '  zip: expected nothing, got "66123"' in message(promise(OWNER, {}))


def test_payloads_are_compared_as_json() -> None:
    maps = (a_target("n", Constant(1)), a_target("b", Constant(True)), a_target("l", Constant([1, 2])))

    assert failures(promise(OWNER, {"l": [1.0, 2.0], "b": True, "n": 1.0}), maps=maps) == []
    assert message(promise(OWNER, {"n": True, "b": 1, "l": [2, 1]}), maps=maps).splitlines()[1:] == [
        "  n: expected true, got 1",
        "  b: expected 1, got true",
        "  l: expected [2, 1], got [1, 2]",
    ]


def test_an_empty_object_is_not_nothing() -> None:
    assert "  x: expected {}, got nothing" in message(promise(OWNER, {"zip": "66123", "x": {}}))


def test_an_object_in_place_of_a_value_is_shown_whole() -> None:
    assert '  zip: expected {"a": 1}, got "66123"' in message(promise(OWNER, {"zip": {"a": 1}}))


def test_an_example_that_no_source_could_post_fails_with_the_parser_s_sentence() -> None:
    assert message(promise({"n": 10**400}, {})) == (
        "no lead like this can be received. The body holds a number beyond 1.8e308, more than a double can hold."
    )


def test_long_values_and_many_differences_are_cut() -> None:
    expected: dict[str, JsonValue] = {"zip": "6" * 1000} | {f"field-{number}": number for number in range(100)}

    lines = message(promise(OWNER, expected)).splitlines()

    assert len(lines) == 22
    assert lines[-1] == "  … and 81 more"
    assert max(map(len, lines)) < 300


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("\x1b[31m", '"\\u001b[31m"'),
        ("\x9b", '"\\u009b"'),
        ("\u202e", '"\\u202e"'),
        ("\ud800", '"\\ud800"'),
        ("ü", '"ü"'),
    ],
)
def test_a_message_holds_nothing_that_a_terminal_obeys(value: str, shown: str) -> None:
    text = message(promise(OWNER, {"zip": value, value: 1}))

    assert f"zip: expected {shown}," in text
    assert f"{shown[1:-1]}: expected 1," in text
    assert text.encode()
