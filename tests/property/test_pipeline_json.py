"""The laws of JSON equality."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leadgateway.json import JsonValue, is_equal, is_number
from tests.property.strategies import Lead, json_values, leads, numbers


@given(json_values())
def test_reflexive(value: JsonValue) -> None:
    """Each value equals itself."""
    assert is_equal(value, value)


@given(json_values(), json_values())
def test_symmetric(one: JsonValue, other: JsonValue) -> None:
    """The order of two values is of no account."""
    assert is_equal(one, other) == is_equal(other, one)


@given(json_values(), json_values())
def test_congruent(one: JsonValue, other: JsonValue) -> None:
    """Two values are equal if and only if the lists and the objects that hold nothing else are."""
    assert is_equal(one, other) == is_equal([one], [other]) == is_equal({"key": one}, {"key": other})


@given(st.booleans(), json_values())
def test_booleans(boolean: bool, value: JsonValue) -> None:
    """A boolean equals itself and nothing else."""
    assert is_equal(boolean, value) == (value is boolean)


@given(numbers(), numbers())
def test_numbers(one: float, other: float) -> None:
    """Two numbers are equal if and only if they are the same number, exactly."""
    assert is_equal(one, other) == (
        one - other == 0 if isinstance(one, int) and isinstance(other, int) else one == other
    )


@given(leads())
def test_key_order(lead: Lead) -> None:
    """The order of keys is of no account."""
    assert is_equal(lead, dict(reversed(lead.items())))


@given(json_values())
def test_kinds(value: JsonValue) -> None:
    """Each value is of exactly one kind: null, a boolean, a number, a string, a list or an object."""
    kinds = [value is None, isinstance(value, bool), is_number(value), isinstance(value, str)]
    kinds += [isinstance(value, list), isinstance(value, dict)]

    assert sum(kinds) == 1
