"""The laws of rules."""

from __future__ import annotations

import copy
from random import Random

from hypothesis import assume, example, given
from hypothesis import strategies as st

from leadgateway.json import JsonValue, is_equal, is_number
from leadgateway.pipeline.presence import is_blank
from leadgateway.pipeline.rules import first_failure
from leadgateway.route.path import MISSING, DotPath
from leadgateway.route.snapshot import Rule
from tests.building.rules_and_targets import a_rule, equals, in_range, matches, one_of, required, the_solar_route
from tests.property.strategies import Lead, json_values, leads, likely_leads, paths, rule_lists, rules, scalars, texts

MARK = "Zxq-DE02120300000000202051"
bounds = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-50, 50).map(float)


def passes(rule: Rule, lead: Lead) -> bool:
    return first_failure(lead, [rule]) is None


@given(leads(), rule_lists())
def test_no_crash(lead: Lead, several: list[Rule]) -> None:
    """No rule ever raises, whatever the lead: it passes, or rejects with a code of the route."""
    failure = first_failure(lead, several)

    assert failure is None or failure.code in {rule.code for rule in several}


@given(leads(), rule_lists())
def test_order_decides(lead: Lead, several: list[Rule]) -> None:
    """The first rule that fails alone is the one that rejects."""
    alone = [first_failure(lead, [rule]) for rule in several]

    assert first_failure(lead, several) == next((failure for failure in alone if failure is not None), None)


@given(leads(), rule_lists())
def test_conjunction(lead: Lead, several: list[Rule]) -> None:
    """A lead passes if and only if it passes each rule."""
    assert (first_failure(lead, several) is None) == all(passes(rule, lead) for rule in several)


@given(leads(), rule_lists(), rule_lists())
def test_rules_after_a_failure(lead: Lead, several: list[Rule], more: list[Rule]) -> None:
    """Rules after the one that failed change nothing."""
    failure = first_failure(lead, several)
    assume(failure is not None)

    assert first_failure(lead, several + more) == failure


@given(leads(), rule_lists(min_size=2), st.randoms(use_true_random=False))
def test_order_of_rules(lead: Lead, several: list[Rule], random: Random) -> None:
    """The order of rules decides the code, never whether a lead passes."""
    shuffled = list(several)
    random.shuffle(shuffled)

    assert (first_failure(lead, shuffled) is None) == (first_failure(lead, several) is None)


@given(leads(), rule_lists())
def test_repetition(lead: Lead, several: list[Rule]) -> None:
    """A rule that stands there twice says no more than once."""
    assert first_failure(lead, several + several) == first_failure(lead, several)


@given(leads(), rule_lists())
def test_innocence(lead: Lead, several: list[Rule]) -> None:
    """Checking a lead leaves it as it was."""
    before = copy.deepcopy(lead)

    first_failure(lead, several)

    assert is_equal(lead, before)


@given(
    st.from_regex(r"66[0-9]{3}", fullmatch=True) | st.from_regex(r"[0-9]{4,6}", fullmatch=True) | texts() | scalars()
)
@example("66000")
@example("66999\n")
@example("66٣٣٣")
@example(66123)
def test_zip(value: JsonValue) -> None:
    """A zip passes if and only if it is five ASCII digits beginning 66."""
    wanted = isinstance(value, str) and len(value) == 5 and value.startswith("66") and set(value) <= set("0123456789")

    assert passes(a_rule(matches("zip", r"^66\d{3}$")), {"zip": value}) == wanted


@given(json_values())
def test_homeowner(value: JsonValue) -> None:
    """As received, the owner of the house is whoever says true, and nobody else."""
    lead: Lead = {"address": {"zip": "66123"}, "house": {"is_owner": value}}

    assert (first_failure(lead, the_solar_route().rules) is None) == (value is True)


@given(likely_leads(), paths())
def test_required(lead: Lead, path: DotPath) -> None:
    """A required field passes if and only if it is there, not null and not blank."""
    value = path.lookup(lead)

    assert passes(a_rule(required(path.text)), lead) == (value is not MISSING and not is_blank(value))


@given(leads(), paths(), paths())
def test_required_together(lead: Lead, one: DotPath, other: DotPath) -> None:
    """Two fields that are required together are the same as two rules."""
    together = passes(a_rule(required(one.text, other.text)), lead)

    assert together == (passes(a_rule(required(one.text)), lead) and passes(a_rule(required(other.text)), lead))


@given(json_values(), json_values())
def test_equals(value: JsonValue, demanded: JsonValue) -> None:
    """Equals passes if and only if the two are the same JSON value."""
    assert passes(a_rule(equals("field", demanded)), {"field": value}) == is_equal(value, demanded)
    assert passes(a_rule(equals("field", value)), {"field": value})


@given(scalars(), st.lists(scalars(), max_size=5))
def test_in(value: JsonValue, allowed: list[JsonValue]) -> None:
    """In passes if and only if equals passes for one of its values."""
    by_equals = any(passes(a_rule(equals("field", one)), {"field": value}) for one in allowed)

    assert passes(a_rule(one_of("field", *allowed)), {"field": value}) == by_equals


@given(scalars(), bounds, bounds)
def test_range(value: JsonValue, minimum: float | None, maximum: float | None) -> None:
    """A range passes if and only if its lower and its upper bound alone do."""
    lower, upper = (a_rule(in_range("field", *limits)) for limits in ((minimum, None), (None, maximum)))
    lead: Lead = {"field": value}

    assert passes(a_rule(in_range("field", minimum, maximum)), lead) == (passes(lower, lead) and passes(upper, lead))


@given(scalars(), bounds)
def test_bounds(value: JsonValue, bound: float | None) -> None:
    """No value but a number passes a range, and each number passes above a bound, below it, or both at the bound."""
    above, below = a_rule(in_range("field", minimum=bound)), a_rule(in_range("field", maximum=bound))
    sides = [passes(above, {"field": value}), passes(below, {"field": value})]

    assert any(sides) == is_number(value)
    assert all(sides) == (is_number(value) and (bound is None or value == bound))


@given(rules())
def test_nothing_there(rule: Rule) -> None:
    """An empty lead passes no rule, except CEL that speaks about what is missing."""
    failure = first_failure({}, [rule])

    assert failure is None or failure.field is None or "is missing" in failure.message


@given(leads(), rules())
def test_discretion(lead: Lead, rule: Rule) -> None:
    """A rejection says what the route says, and nothing of what the lead holds."""
    marked: Lead = {key: MARK for key in [*lead, MARK]}  # noqa: C420

    assert MARK not in str(first_failure(marked, [rule]))
