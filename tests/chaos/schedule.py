"""When which fault happens: the same for the same seed, so that what was found once can be looked at again."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.chaos.faults.fault import Fault

QUIET_SECONDS = 3.0
"""At the beginning nothing is the matter: for footprints, and to see that everything works."""

APART_SECONDS = 1.0
"""Between two faults of the same resource."""

MOST_OF_A_RUN = 0.15
"""No fault lasts longer than this part of a run, so that short runs see several."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault and its time, in seconds from the beginning."""

    at: float
    seconds: float
    fault: Fault


def plan(faults: Sequence[Fault], *, seed: int, seconds: float, every: float) -> list[Planned]:
    """Make a schedule.

    Each kind comes once, in random order, before any comes again.

    Args:
        faults: What may happen.
        seed: Decides everything.
        seconds: How long the run is; all faults are over by then.
        every: Seconds between the beginnings of two faults, on average.
    """
    chance = random.Random(seed)
    free: dict[str, float] = {}
    planned: list[Planned] = []
    now = QUIET_SECONDS
    for fault in _in_turn(faults, chance):
        shortest, longest = fault.seconds
        lasts = chance.uniform(shortest, max(min(longest, seconds * MOST_OF_A_RUN), shortest))
        at = max(now, *(free.get(resource, 0.0) for resource in fault.resources))
        if at + lasts <= seconds:
            planned.append(Planned(at, lasts, fault))
            free.update(dict.fromkeys(fault.resources, at + lasts + APART_SECONDS))
        now += chance.uniform(0.5, 1.5) * every
        if now > seconds:
            break
    return sorted(planned, key=lambda one: one.at)


def _in_turn(faults: Sequence[Fault], chance: random.Random) -> Iterator[Fault]:
    left = list(faults)
    while left:
        yield from chance.sample(left, len(left))
        left = [fault for fault in left if not fault.once]
