"""The schedule of faults: decided by the seed alone, and never two faults of one resource at a time."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.chaos.faults import ALL
from tests.chaos.faults.fault import Fault
from tests.chaos.schedule import Planned, plan


def schedule(seed: int, *, minutes: float = 10) -> list[Planned]:
    return plan(ALL, seed=seed, seconds=minutes * 60, every=6)


def test_the_same_seed_gives_the_same_schedule_and_another_one_another() -> None:
    assert schedule(1) == schedule(1)
    assert schedule(1) != schedule(2)


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_done_to_one_resource_twice_at_a_time(seed: int) -> None:
    by_resource: dict[str, list[Planned]] = {}
    for one in schedule(seed):
        for resource in one.fault.resources:
            by_resource.setdefault(resource, []).append(one)

    for planned in by_resource.values():
        for first, second in pairwise(planned):
            assert first.at + first.seconds < second.at


@pytest.mark.parametrize("seed", [53, 54, *range(5)])
def test_valkey_is_there_when_it_is_asked_which_worker_runs_the_scheduler(seed: int) -> None:
    planned = schedule(seed)
    away = [one for one in planned if one.fault.kind.startswith("Valkey")]

    for asked in (one for one in planned if one.fault.kind == "RQ scheduler killed"):
        assert not [one for one in away if one.at <= asked.at <= one.at + one.seconds]


@pytest.mark.parametrize("minutes", [0.5, 10])
def test_all_faults_are_over_at_the_end(minutes: float) -> None:
    planned = schedule(3, minutes=minutes)

    assert planned
    assert all(one.at + one.seconds <= minutes * 60 for one in planned)


@pytest.mark.parametrize("seed", range(5))
def test_ten_minutes_see_nearly_every_kind_of_fault(seed: int) -> None:
    seen = {one.fault.kind for one in schedule(seed)}

    assert len(seen) >= 0.9 * len({fault.kind for fault in ALL})


def test_what_can_happen_only_once_does() -> None:
    once = Fault("once", "family", "resource", (1, 1), ALL[0].during, once=True)
    often = Fault("often", "family", "another resource", (1, 1), ALL[0].during)

    kinds = [one.fault.kind for one in plan([once, often], seed=1, seconds=60, every=3)]

    assert kinds.count("once") == 1
    assert kinds.count("often") > 5
