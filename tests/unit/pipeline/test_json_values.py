"""JSON's own idea of equality and of numbers."""

from __future__ import annotations

import pytest

from leadgateway.json import JsonValue, is_equal, is_number


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 1.0),
        (0, -0.0),
        (2**70, float(2**70)),
        ("ü", "ü"),
        (None, None),
        (True, True),
        ([], []),
        ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1}),
        ("\ud800", "\ud800"),
    ],
)
def test_the_same_json_value_written_differently_is_equal(left: JsonValue, right: JsonValue) -> None:
    assert is_equal(left, right)
    assert is_equal(right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True),
        (0, False),
        (1.0, True),
        ("1", 1),
        ("true", True),
        ("", None),
        (0, None),
        (False, None),
        ([], {}),
        ([1], [True]),
        ([1], [1, 1]),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {}),
        ({"a": 1}, {"b": 1}),
        (2**53 + 1, float(2**53)),
        (10**300 + 1, 10**300),
        ("ü", "u\u0308"),
        ("a", ["a"]),
    ],
)
def test_different_json_values_are_not_equal_whatever_python_says(left: JsonValue, right: JsonValue) -> None:
    assert not is_equal(left, right)
    assert not is_equal(right, left)


@pytest.mark.parametrize("value", [0, -1, 1.5, 10**400])
def test_integers_and_floats_are_numbers(value: JsonValue) -> None:
    assert is_number(value)


@pytest.mark.parametrize("value", [True, False, "1", None, [1], {"a": 1}])
def test_a_boolean_is_no_number(value: JsonValue) -> None:
    assert not is_number(value)
