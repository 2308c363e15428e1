"""A normalised lead is what the customer would have typed carefully."""

from __future__ import annotations

import copy

import pytest

from leadgateway.json import JsonValue
from leadgateway.pipeline.boolean_fields import boolean_fields
from leadgateway.pipeline.normalise import normalise
from leadgateway.route.path import DotPath
from tests.building.rules_and_targets import (
    a_route_that,
    a_rule,
    a_target,
    computed,
    equals,
    holds,
    one_of,
    required,
    taken_from,
    the_solar_route,
)


@pytest.mark.parametrize(
    ("text", "trimmed"),
    [
        ("  Main St  ", "Main St"),
        ("\t123\r\n", "123"),
        ("\u00a0Mühlenweg\u2003", "Mühlenweg"),
        ("two  words", "two  words"),
        ("   ", ""),
        ("\x00 a", "\x00 a"),
        (" \ud800 ", "\ud800"),
    ],
)
def test_strings_lose_the_white_space_around_them(text: str, trimmed: str) -> None:
    assert normalise({"street": text}) == {"street": trimmed}


def test_strings_are_trimmed_however_deep_they_lie() -> None:
    lead: dict[str, JsonValue] = {"a": [" x ", {"b": [[" y "]]}], "c": {"d": {"e": " z"}}}

    assert normalise(lead) == {"a": ["x", {"b": [["y"]]}], "c": {"d": {"e": "z"}}}


def test_keys_are_left_as_they_are() -> None:
    assert normalise({" Street ": {"ZIP ": " 1 "}}) == {" Street ": {"ZIP ": "1"}}


@pytest.mark.parametrize("value", [None, True, False, 0, 1, 66123, -0.5, 2**70, [], {}])
def test_what_is_no_string_is_left_as_it_is(value: JsonValue) -> None:
    normalised = normalise({"field": value})["field"]

    assert normalised == value
    assert type(normalised) is type(value)


@pytest.mark.parametrize("key", ["email", "contact", "string_value", "Kundenadresse"])
def test_an_email_address_is_lower_cased_in_whichever_field_it_stands(key: str) -> None:
    assert normalise({key: " John.DOE@Example.COM "}) == {key: "john.doe@example.com"}


def test_an_email_address_is_lower_cased_in_lists_of_values() -> None:
    lead: dict[str, JsonValue] = {"field_data": [{"name": "email", "values": ["Max@Example.com"]}]}

    assert normalise(lead) == {"field_data": [{"name": "email", "values": ["max@example.com"]}]}


@pytest.mark.parametrize(
    "key", ["email", "Email", "e-mail", "E_MAIL", "email_address", "emailAddress", "EMAIL-ADDRESS"]
)
def test_a_field_named_email_is_lower_cased_whatever_it_holds(key: str) -> None:
    assert normalise({key: "John.DOE at Example", "x": {key: ["A", "B"]}}) == {
        key: "john.doe at example",
        "x": {key: ["a", "b"]},
    }


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("name", "John DOE"),
        ("comment", "Write to John@Example.com"),
        ("name", "John Doe <John@Example.com>"),
        ("handle", "@JohnDoe"),
        ("url", "https://User@Example.com/Path"),
        ("mailbox", "Packstation A"),
        ("email_comment", "Only on Mondays"),
        ("host", "Root@LOCALHOST"),
    ],
)
def test_text_that_is_no_email_address_keeps_its_capitals(key: str, text: str) -> None:
    assert normalise({key: text}) == {key: text}


@pytest.mark.parametrize(
    ("text", "boolean"),
    [("true", True), ("True", True), (" TRUE ", True), ("false", False), ("FALSE\n", False)],
)
def test_the_words_true_and_false_become_booleans_in_whichever_field_they_stand(text: str, boolean: bool) -> None:
    normalised = normalise({"field": text, "list": [text]})

    assert normalised["field"] is boolean
    assert normalised["list"] == [boolean]


@pytest.mark.parametrize("text", ["No", "yes", "ja", "Nein", "1", "0", "on", "off", "J", "N", "truely", "t", "wahr"])
def test_a_word_that_may_also_be_a_name_or_a_house_number_is_kept_elsewhere(text: str) -> None:
    assert normalise({"name": text}) == {"name": text}


@pytest.mark.parametrize("number", [0, 1])
def test_a_number_is_no_boolean_elsewhere(number: int) -> None:
    assert normalise({"rooms": number})["rooms"] is number


@pytest.mark.parametrize(
    ("sent", "boolean"),
    [("yes", True), ("JA", True), ("on", True), ("1", True), (1, True), ("no", False), (" Nein ", False), (0, False)],
)
def test_a_field_that_the_route_treats_as_a_boolean_becomes_one(sent: JsonValue, boolean: bool) -> None:
    path = DotPath.parse("house.is_owner")

    assert normalise({"house": {"is_owner": sent}}, [path]) == {"house": {"is_owner": boolean}}


@pytest.mark.parametrize("sent", ["perhaps", "", None, 2, [], ["yes"], {"yes": True}])
def test_what_is_no_boolean_stays_what_it_is_even_there(sent: JsonValue) -> None:
    assert normalise({"is_owner": sent}, [DotPath.parse("is_owner")]) == {"is_owner": sent}


@pytest.mark.parametrize(
    "lead",
    [{}, {"answers": None}, {"answers": []}, {"answers": ["yes"]}, {"answers": "yes"}, {"answers": {"x": "yes"}}],
)
def test_a_boolean_field_that_is_not_there_is_not_made_up(lead: dict[str, JsonValue]) -> None:
    assert normalise(lead, [DotPath.parse("answers.1"), DotPath.parse("answers.y.z")]) == lead


def test_a_boolean_field_may_lie_in_a_list() -> None:
    normalised = normalise({"answers": ["no", {"value": "no"}]}, [DotPath.parse("answers.1.value")])

    assert normalised == {"answers": ["no", {"value": False}]}


def test_a_boolean_field_may_be_an_element_of_a_list() -> None:
    assert normalise({"answers": ["no", "no"]}, [DotPath.parse("answers.1")]) == {"answers": ["no", False]}


def test_digits_in_a_path_are_a_key_where_there_is_an_object() -> None:
    assert normalise({"answers": {"1": "no"}}, [DotPath.parse("answers.1")]) == {"answers": {"1": False}}


def test_the_lead_itself_is_not_changed() -> None:
    lead: dict[str, JsonValue] = {"email": " A@B.example ", "house": {"is_owner": "yes"}, "list": [" x "]}
    before = copy.deepcopy(lead)

    normalise(lead, [DotPath.parse("house.is_owner")])

    assert lead == before


def test_the_fields_that_rules_compare_with_booleans_and_targets_read_as_booleans_are_boolean_fields() -> None:
    route = a_route_that(
        checks=[
            a_rule(equals("a.0", True)),
            a_rule(one_of("b", True, False)),
            a_rule(equals("not.1", "true")),
            a_rule(one_of("not.2", True, "perhaps")),
            a_rule(required("not.3")),
            a_rule(holds("lead.not == true")),
        ],
        maps=[
            a_target("x", taken_from("c"), type="boolean"),
            a_target("y", taken_from("not.4")),
            a_target("z", computed("lead.d"), type="boolean"),
        ],
    )

    assert [path.text for path in boolean_fields(route)] == ["a.0", "b", "c"]


def test_the_seed_contract_reads_house_ownership_as_a_boolean() -> None:
    normalised = normalise({"house": {"is_owner": "Ja"}, "name": "Ja"}, boolean_fields(the_solar_route()))

    assert normalised == {"house": {"is_owner": True}, "name": "Ja"}
