"""Rules, then normalisation, then mapping: what becomes of a lead."""

from __future__ import annotations

import copy
from typing import Literal

import pytest

from leadgateway.json import JsonValue
from leadgateway.pipeline.process import Mapped, Rejected, decide
from tests.building.rules_and_targets import (
    a_route_that,
    a_rule,
    a_solar_lead,
    a_target,
    computed,
    equals,
    holds,
    in_range,
    matches,
    required,
    taken_from,
    the_solar_route,
)


def a_solar_lead_with(**fields: JsonValue) -> dict[str, JsonValue]:
    return a_solar_lead() | fields


def test_the_lead_of_a_homeowner_in_66123_is_delivered() -> None:
    assert decide(a_solar_lead(), the_solar_route()) == Mapped(
        {
            "customer_email": "john.doe@example.com",
            "customer_zip": "66123",
            "customer_street": "123 Main St",
            "is_homeowner": True,
            "phone": "+49 681 9876543",
            "product": {"name": "Solaranlage"},
        },
        (),
    )


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"address": {"zip": "12345"}}, "ZIP_NOT_66XXX", "address.zip"),
        ({"address": {"zip": 66123}}, "ZIP_NOT_66XXX", "address.zip"),
        ({"address": {}}, "MISSING_REQUIRED_FIELD", "address.zip"),
        ({"address": {"zip": " "}}, "MISSING_REQUIRED_FIELD", "address.zip"),
        ({"house": {}}, "MISSING_REQUIRED_FIELD", "house.is_owner"),
        ({"house": {"is_owner": None}}, "MISSING_REQUIRED_FIELD", "house.is_owner"),
        ({"house": {"is_owner": False}}, "NOT_HOMEOWNER", "house.is_owner"),
        ({"house": {"is_owner": 1}}, "NOT_HOMEOWNER", "house.is_owner"),
        ({"house": {"is_owner": "true"}}, "NOT_HOMEOWNER", "house.is_owner"),
        ({"address": {"zip": "12345"}, "house": {"is_owner": False}}, "ZIP_NOT_66XXX", "address.zip"),
        ({"phone": None}, "MISSING_REQUIRED_FIELD", "phone"),
        ({"phone": None, "house": {"is_owner": False}}, "NOT_HOMEOWNER", "house.is_owner"),
    ],
)
def test_any_other_lead_is_rejected_with_the_code_of_what_failed_first(
    fields: dict[str, JsonValue], code: str, field: str
) -> None:
    outcome = decide(a_solar_lead_with(**fields), the_solar_route())

    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.field) == (code, field)


def test_by_default_rules_see_the_lead_as_it_was_sent() -> None:
    lead = a_solar_lead_with(address={"zip": " 66123 "})

    assert isinstance(decide(lead, the_solar_route()), Rejected)


def test_rules_see_the_normalised_lead_when_the_route_says_so() -> None:
    lead = a_solar_lead_with(address={"zip": " 66123 "})

    assert isinstance(decide(lead, the_solar_route(evaluates="normalized")), Mapped)


@pytest.mark.parametrize("sent", [True, "true", "True", " yes ", "ja", "on", "1", 1])
def test_equals_true_passes_what_people_send_for_it_once_it_is_normalised(sent: JsonValue) -> None:
    outcome = decide(a_solar_lead_with(house={"is_owner": sent}), the_solar_route(evaluates="normalized"))

    assert isinstance(outcome, Mapped)
    assert outcome.payload["is_homeowner"] is True


@pytest.mark.parametrize("sent", [False, "false", "nein", "No", "0", 0, "perhaps", 2])
def test_equals_true_fails_on_what_people_send_for_false_and_on_the_rest(sent: JsonValue) -> None:
    outcome = decide(a_solar_lead_with(house={"is_owner": sent}), the_solar_route(evaluates="normalized"))

    assert isinstance(outcome, Rejected)
    assert outcome.code == "NOT_HOMEOWNER"


def test_the_mapping_sees_the_normalised_lead_even_when_rules_see_the_received_one() -> None:
    route = a_route_that(
        checks=[a_rule(matches("name", r"\s.*"))], maps=[a_target("email"), a_target("name", taken_from("name"))]
    )

    outcome = decide({"value": " John@Example.com ", "name": " Doe "}, route)

    assert outcome == Mapped({"email": "john@example.com", "name": "Doe"}, ())


def test_a_house_number_1_and_a_family_named_no_arrive_unharmed() -> None:
    route = a_route_that(maps=[a_target("number", taken_from("number")), a_target("name", taken_from("name"))])

    assert decide({"number": "1", "name": "No"}, route) == Mapped({"number": "1", "name": "No"}, ())


def test_a_route_without_rules_and_targets_delivers_an_empty_object() -> None:
    assert decide({"email": "a@b.example"}, a_route_that()) == Mapped({}, ())


@pytest.mark.parametrize("evaluates", ["received", "normalized"])
def test_a_google_lead_form_is_read_by_cel(evaluates: Literal["received", "normalized"]) -> None:
    column = 'lead.user_column_data.filter(c, c.column_id == "{}")[0].string_value'
    route = a_route_that(
        evaluates=evaluates,
        checks=[a_rule(holds('lead.user_column_data.exists(c, c.column_id == "EMAIL")'), "NO_EMAIL")],
        maps=[
            a_target("email", computed(column.format("EMAIL")), type="email", required=True),
            a_target("phone", computed(column.format("PHONE_NUMBER")), type="phone"),
            a_target("zip", computed(column.format("POSTAL_CODE"))),
        ],
    )
    lead: dict[str, JsonValue] = {
        "user_column_data": [
            {"column_id": "EMAIL", "string_value": " Jane@Example.com"},
            {"column_id": "PHONE_NUMBER", "string_value": "+49 681 9876543"},
        ]
    }

    outcome = decide(lead, route)

    assert isinstance(outcome, Mapped)
    assert outcome.payload == {"email": "jane@example.com", "phone": "+496819876543"}
    assert [omission.target for omission in outcome.omitted] == ["zip"]


@pytest.mark.parametrize("text", ["\x00", "\ud800", "\udfff\ud800", "🏡", "\u202e", "a" * 100_000])
def test_strange_text_is_delivered_as_it_is(text: str) -> None:
    route = a_route_that(checks=[a_rule(required("value")), a_rule(holds("size(lead.value) > 0"))], maps=[a_target()])

    assert decide({"value": text}, route) == Mapped({"target": text}, ())


def test_a_number_beyond_64_bits_is_judged_and_delivered_exactly() -> None:
    route = a_route_that(
        checks=[a_rule(in_range("value", 0)), a_rule(equals("value", 2**70 + 1)), a_rule(holds("lead.value > 0.0"))],
        maps=[a_target(type="integer")],
    )

    assert decide({"value": 2**70 + 1}, route) == Mapped({"target": 2**70 + 1}, ())


@pytest.mark.parametrize("evaluates", ["received", "normalized"])
def test_the_lead_itself_is_not_changed(evaluates: Literal["received", "normalized"]) -> None:
    lead = a_solar_lead_with(email=" A@B.example ", house={"is_owner": "yes"})
    before = copy.deepcopy(lead)

    decide(lead, the_solar_route(evaluates))

    assert lead == before
