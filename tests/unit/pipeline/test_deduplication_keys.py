"""What makes two leads one."""

from __future__ import annotations

import pytest

from leadgateway.json import JsonValue
from leadgateway.pipeline.deduplication import deduplication_key
from tests.building.rules_and_targets import a_route_that, a_solar_lead, a_target, taken_from, the_solar_route


def key(lead: dict[str, JsonValue], *fields: str) -> bytes | None:
    return deduplication_key(lead, a_route_that(deduplicates=fields))


def test_a_key_is_a_digest_of_32_bytes() -> None:
    digest = deduplication_key(a_solar_lead(), the_solar_route())

    assert digest is not None
    assert len(digest) == 32


def test_a_key_stays_the_same_from_release_to_release() -> None:
    digest = key({"email": "john.doe@example.com", "address": {"zip": "66123"}}, "email", "address.zip")

    assert digest is not None
    assert digest.hex() == "f61e7b8c895236bf568ea50646cd75926e650919b2d042f6c5c7a04126f2211b"


def test_a_route_that_does_not_deduplicate_has_no_keys() -> None:
    assert deduplication_key(a_solar_lead(), a_route_that()) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x": " John@Example.com "}, {"x": "john@example.com"}),
        ({"x": "66123\n"}, {"x": "66123"}),
        ({"x": "TRUE"}, {"x": True}),
        ({"x": 1.0}, {"x": 1}),
        ({"x": [1.0, {"b": 2, "a": 3.0}]}, {"x": [1, {"a": 3, "b": 2.0}]}),
        ({"x": "a", "y": "b"}, {"x": "a", "y": "c"}),
        ({"x": "a"}, {"x": "a", "y": None}),
    ],
)
def test_leads_whose_normalised_values_agree_have_the_same_key(
    one: dict[str, JsonValue], other: dict[str, JsonValue]
) -> None:
    assert key(one, "x") == key(other, "x") is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x": "a", "y": "b"}, {"x": "b", "y": "a"}),
        ({"x": "ab", "y": "c"}, {"x": "a", "y": "bc"}),
        ({"x": "1", "y": 0}, {"x": 1, "y": 0}),
        ({"x": True, "y": 0}, {"x": 1, "y": 0}),
        ({"x": ["a"], "y": 0}, {"x": "a", "y": 0}),
        ({"x": "A", "y": 0}, {"x": "a", "y": 0}),
        ({"x": 2**70, "y": 0}, {"x": 2**70 + 1, "y": 0}),
        ({"x": "\ud800", "y": 0}, {"x": "\ufffd", "y": 0}),
    ],
)
def test_leads_that_differ_in_a_field_have_different_keys(
    one: dict[str, JsonValue], other: dict[str, JsonValue]
) -> None:
    assert key(one, "x", "y") != key(other, "x", "y")


@pytest.mark.parametrize(
    "lead", [{}, {"x": "a"}, {"x": "a", "y": None}, {"x": "a", "y": " "}, {"x": "", "y": "b"}, {"x": {"y": "b"}}]
)
def test_a_lead_that_lacks_one_of_the_fields_has_no_key(lead: dict[str, JsonValue]) -> None:
    assert key(lead, "x", "y") is None


@pytest.mark.parametrize("value", [False, 0, [], {}, "\x00", "\ud800"])
def test_a_value_that_is_only_strange_is_a_value(value: JsonValue) -> None:
    assert key({"x": value}, "x") is not None


def test_the_same_values_in_other_fields_are_another_lead() -> None:
    assert key({"email": "a", "phone": "a"}, "email") != key({"email": "a", "phone": "a"}, "phone")


def test_a_boolean_field_of_the_route_counts_as_a_boolean() -> None:
    route = a_route_that(maps=[a_target("owner", taken_from("owner"), type="boolean")], deduplicates=["owner"])

    assert deduplication_key({"owner": "ja"}, route) == deduplication_key({"owner": True}, route)
