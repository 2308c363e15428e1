"""The laws of whole decisions, of what is sent, of duplicates and of examples."""

from __future__ import annotations

import copy
from dataclasses import replace

from hypothesis import assume, example, given
from hypothesis import strategies as st

from leadgateway.json import JsonValue, is_equal
from leadgateway.pipeline.boolean_fields import boolean_fields
from leadgateway.pipeline.deduplication import deduplication_key
from leadgateway.pipeline.examples import run_examples
from leadgateway.pipeline.lead import parse_lead
from leadgateway.pipeline.normalise import normalise
from leadgateway.pipeline.presence import find
from leadgateway.pipeline.process import Mapped, Rejected, decide, encode_payload
from leadgateway.pipeline.rules import first_failure
from leadgateway.route.snapshot import Example, RouteSnapshot
from tests.building.rules_and_targets import a_route_that, a_solar_lead, the_solar_route
from tests.property.strategies import Lead, json_values, leads, likely_leads, routes, scalars


def as_example(lead: Lead, outcome: Mapped | Rejected) -> Example:
    if isinstance(outcome, Rejected):
        return Example("recorded", lead, None, outcome.code)
    return Example("recorded", lead, outcome.payload, None)


def normalised(lead: Lead, route: RouteSnapshot) -> Lead:
    return normalise(lead, boolean_fields(route))


@given(leads(), routes())
def test_determinism(lead: Lead, route: RouteSnapshot) -> None:
    """The same lead on the same route comes to the same end, however often it is replayed."""
    assert decide(lead, route) == decide(copy.deepcopy(lead), route)


@given(leads(), routes())
def test_innocence(lead: Lead, route: RouteSnapshot) -> None:
    """Deciding leaves the lead as it was."""
    before = copy.deepcopy(lead)

    decide(lead, route)

    assert is_equal(lead, before)


@given(leads(), routes())
def test_rules_first(lead: Lead, route: RouteSnapshot) -> None:
    """A lead that fails a rule is rejected with that rule's code, whatever the mapping says."""
    seen = lead if route.evaluate == "received" else normalised(lead, route)
    failure = first_failure(seen, route.rules)
    assume(failure is not None)

    assert decide(lead, route) == failure == decide(lead, replace(route, mapping=()))


@given(leads(), routes())
def test_evaluations(lead: Lead, route: RouteSnapshot) -> None:
    """For a lead that is normalised already, it is of no account which form the rules see."""
    already = normalised(lead, route)

    assert decide(already, replace(route, evaluate="received")) == decide(
        already, replace(route, evaluate="normalized")
    )


@given(leads(), routes())
def test_normalised_evaluation(lead: Lead, route: RouteSnapshot) -> None:
    """A route whose rules see normalised leads treats a lead and its normalised form alike."""
    route = replace(route, evaluate="normalized")

    assert decide(lead, route) == decide(normalised(lead, route), route)


@given(leads(), routes())
def test_transport(lead: Lead, route: RouteSnapshot) -> None:
    """What is decided to be sent can be sent, and arrives as it was decided."""
    outcome = decide(lead, replace(route, rules=()))

    assert isinstance(outcome, Rejected) or is_equal(parse_lead(encode_payload(outcome.payload)), outcome.payload)


@given(st.dictionaries(st.text(), scalars(), max_size=5), json_values())
def test_solar_route(noise: Lead, phone: JsonValue) -> None:
    """On the solar route nothing but the phone can still stop a homeowner in 66123."""
    outcome = decide(noise | a_solar_lead() | {"phone": phone}, the_solar_route())
    says_something = phone is not None and not (isinstance(phone, str) and not phone.strip())

    assert isinstance(outcome, Mapped) == says_something


@given(leads(), routes())
def test_keys_of_normalised_leads(lead: Lead, route: RouteSnapshot) -> None:
    """A lead and its normalised form have the same deduplication key."""
    assert deduplication_key(lead, route) == deduplication_key(normalised(lead, route), route)


@given(likely_leads(), routes())
def test_keys_need_every_field(lead: Lead, route: RouteSnapshot) -> None:
    """A lead has a deduplication key if and only if each of the fields says something."""
    assert route.intake.deduplication is not None
    values = [find(normalised(lead, route), path) for path in route.intake.deduplication.paths]

    assert (deduplication_key(lead, route) is not None) == all(value is not None for value in values)


@given(scalars(), scalars())
@example(1, True)
@example(1, 1.0)
@example(0.0, -0.0)
@example("1", 1)
def test_keys_agree_with_equality(one: JsonValue, other: JsonValue) -> None:
    """Two leads have the same key if and only if their normalised values are equal."""
    route = a_route_that(deduplicates=["a"])
    keys = [deduplication_key({"a": value}, route) for value in (one, other)]
    assume(None not in keys)

    assert (keys[0] == keys[1]) == is_equal(normalise({"a": one}), normalise({"a": other}))


@given(json_values(), leads(), leads())
def test_keys_depend_on_their_fields_alone(value: JsonValue, one: Lead, other: Lead) -> None:
    """Fields that are not compared are of no account to the key."""
    route = a_route_that(deduplicates=["email"])

    assert deduplication_key(one | {"email": value}, route) == deduplication_key(other | {"email": value}, route)


@given(leads(), routes())
def test_recorded_examples_hold(lead: Lead, route: RouteSnapshot) -> None:
    """An example that records what the route decided holds."""
    assert run_examples(replace(route, examples=(as_example(lead, decide(lead, route)),))) == []


@given(leads(), routes(), leads())
def test_other_examples_fail(lead: Lead, route: RouteSnapshot, payload: Lead) -> None:
    """An example that says anything else fails, with a message that can be printed."""
    outcome = decide(lead, route)
    assume(isinstance(outcome, Rejected) or not is_equal(outcome.payload, payload))
    examples = (Example("payload", lead, payload, None), Example("code", lead, None, "OTHER_CODE"))

    failures = run_examples(replace(route, examples=examples))

    assert [failure.name for failure in failures] == ["payload", "code"]
    assert all(failure.message.replace("\n", "").isprintable() for failure in failures)
    assert all(failure.message.encode() for failure in failures)
