"""The laws of mapping."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from leadgateway.json import JsonValue, is_equal, is_number
from leadgateway.pipeline.convert import convert
from leadgateway.pipeline.mapping import map_lead
from leadgateway.pipeline.outcome import Mapped, Rejected
from leadgateway.pipeline.presence import is_blank
from leadgateway.route.path import MISSING, DotPath
from leadgateway.route.snapshot import Constant, FromPath, Target
from tests.building.rules_and_targets import a_target, taken_from
from tests.property.strategies import TARGET_NAMES, Lead, leads, likely_leads, mappings, paths, scalars, targets, texts

MARK = "Zxq-DE02120300000000202051"
Mapping = tuple[Target, ...]


def objects_to_leaves(value: JsonValue, names: set[str], path: str = "") -> Iterator[str]:
    """The dotted names in a payload, going no deeper than the targets do."""
    if path in names or not isinstance(value, dict):
        yield path
    else:
        for key, inner in value.items():
            yield from objects_to_leaves(inner, names, f"{path}.{key}" if path else key)


def value_of(outcome: Mapped, target: Target) -> JsonValue:
    value = DotPath.parse(target.name).lookup(outcome.payload)
    assert value is not MISSING
    return value


def delivered(lead: Lead, mapping: Mapping) -> Mapped:
    """The outcome for targets none of which is required."""
    outcome = map_lead(lead, mapping)
    assert isinstance(outcome, Mapped)
    return outcome


@given(leads(), mappings())
def test_no_crash(lead: Lead, mapping: Mapping) -> None:
    """No mapping ever raises, whatever the lead: it gives a payload, or rejects for a required target."""
    outcome = map_lead(lead, mapping)

    assert isinstance(outcome, Mapped) or outcome.field in {target.name for target in mapping if target.required}


@given(leads(), mappings())
def test_declared_targets(lead: Lead, mapping: Mapping) -> None:
    """A mapped lead contains only declared targets."""
    outcome = map_lead(lead, mapping)
    names = {target.name for target in mapping}

    assert isinstance(outcome, Rejected) or set(objects_to_leaves(outcome.payload, names)) - {""} <= names


@given(leads(), mappings(required=False))
def test_accounting(lead: Lead, mapping: Mapping) -> None:
    """Each target is either in the payload or named as left out, never both and never neither."""
    outcome = delivered(lead, mapping)
    names = {target.name for target in mapping}
    filled = set(objects_to_leaves(outcome.payload, names)) - {""}
    omitted = {omission.target for omission in outcome.omitted}

    assert filled | omitted == names
    assert not filled & omitted


@given(leads(), mappings(required=False))
def test_only_required_targets_reject(lead: Lead, mapping: Mapping) -> None:
    """A mapping without required targets rejects no lead."""
    assert isinstance(map_lead(lead, mapping), Mapped)


@given(leads(), targets(required=False))
def test_required(lead: Lead, optional: Target) -> None:
    """A required target rejects exactly the leads for which it would otherwise be left out."""
    needed = replace(optional, path=("needed",), required=True)
    outcome = map_lead(lead, [needed])

    assert isinstance(outcome, Rejected) == bool(delivered(lead, (optional,)).omitted)
    assert isinstance(outcome, Mapped) or (outcome.code, outcome.field) == ("MISSING_REQUIRED_FIELD", "needed")


@given(leads(), mappings(required=False))
def test_types(lead: Lead, mapping: Mapping) -> None:
    """Each value with a type is of that type: reading it as one again changes nothing."""
    outcome = delivered(lead, mapping)
    left_out = {omission.target for omission in outcome.omitted}
    for target in mapping:
        if target.type is not None and target.name not in left_out:
            value = value_of(outcome, target)
            assert is_equal(convert(value, target.type, region=target.region), value)


@given(leads(), mappings(required=False))
def test_constraints(lead: Lead, mapping: Mapping) -> None:
    """Each value is one of its enum, matched by its pattern and within its bounds."""
    outcome = delivered(lead, mapping)
    left_out = {omission.target for omission in outcome.omitted}
    for target in mapping:
        if target.name in left_out:
            continue
        value = value_of(outcome, target)
        assert target.enum is None or any(is_equal(value, one) for one in target.enum)
        assert target.pattern is None or target.pattern.matches(value)
        assert target.minimum is None or (is_number(value) and value >= target.minimum)
        assert target.maximum is None or (is_number(value) and value <= target.maximum)


@given(leads(), mappings(required=False), st.randoms(use_true_random=False))
def test_order(lead: Lead, mapping: Mapping, random: Random) -> None:
    """The order of targets changes neither what is delivered nor what is left out."""
    shuffled = list(mapping)
    random.shuffle(shuffled)
    one, other = delivered(lead, mapping), delivered(lead, tuple(shuffled))

    assert is_equal(one.payload, other.payload)
    assert set(one.omitted) == set(other.omitted)


@given(leads(), mappings(required=False))
def test_independence(lead: Lead, mapping: Mapping) -> None:
    """Each target is filled as if it stood alone."""
    together = delivered(lead, mapping)
    for target in mapping:
        alone = delivered(lead, (target,))
        assert set(alone.omitted) <= set(together.omitted)
        assert alone.omitted or is_equal(value_of(alone, target), value_of(together, target))


@given(leads(), mappings())
def test_innocence(lead: Lead, mapping: Mapping) -> None:
    """Mapping leaves the lead and the route as they were."""
    before = copy.deepcopy(lead)
    constants = copy.deepcopy([target.source for target in mapping if isinstance(target.source, Constant)])

    map_lead(lead, mapping)

    assert is_equal(lead, before)
    assert constants == [target.source for target in mapping if isinstance(target.source, Constant)]


@given(likely_leads(), paths())
def test_copies(lead: Lead, path: DotPath) -> None:
    """A target without type takes what stands at its path, as it stands, or nothing."""
    value = path.lookup(lead)
    outcome = delivered(lead, (a_target("x", FromPath(path)),))

    if value is MISSING or is_blank(value):
        assert outcome.payload == {}
    else:
        assert is_equal(outcome.payload["x"], value)


@given(leads(), st.text(min_size=1), scalars())
def test_fields_that_nobody_reads(lead: Lead, key: str, value: JsonValue) -> None:
    """A field that no target reads changes nothing."""
    assume(key not in {"email", "zip"})
    mapping = (a_target("x", taken_from("email")), a_target("y", taken_from("zip")))

    assert map_lead(lead | {key: value}, mapping) == map_lead({k: v for k, v in lead.items() if k != key}, mapping)


@given(leads(), paths(), st.text(min_size=1).filter(str.strip))
def test_defaults(lead: Lead, path: DotPath, default: str) -> None:
    """With a default, no target without constraints is ever left out."""
    outcome = delivered(lead, (a_target("x", FromPath(path), default=default),))

    assert outcome.omitted == ()
    assert "x" in outcome.payload


@given(leads(), leads(), st.sampled_from(TARGET_NAMES), scalars().filter(lambda value: value is not None))
def test_constants(one: Lead, other: Lead, name: str, value: JsonValue) -> None:
    """A constant is the same for every lead."""
    mapping = (a_target(name, Constant(value)),)

    assert map_lead(one, mapping) == map_lead(other, mapping)
    assert is_equal(value_of(delivered(one, mapping), mapping[0]), value)


@given(leads(), mappings())
def test_discretion(lead: Lead, mapping: Mapping) -> None:
    """Neither a rejection nor an omission says anything of what the lead holds."""
    marked: Lead = {key: MARK for key in [*lead, MARK]}  # noqa: C420
    outcome = map_lead(marked, mapping)
    said = str(outcome) if isinstance(outcome, Rejected) else str(outcome.omitted)

    assert MARK not in said


@given(texts(), mappings())
def test_privacy(text: str, mapping: Mapping) -> None:
    """The printed form of a decision shows no payload."""
    assert "payload" not in repr(map_lead({"email": text}, mapping))
