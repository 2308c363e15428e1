"""One run: load and faults side by side, then rest, then everything that the auditor needs."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.chaos.audit.evidence import Evidence, read_openings, read_stories
from tests.chaos.audit.resources import MOST_CONNECTIONS
from tests.chaos.load import Load
from tests.chaos.records import Episode
from tests.chaos.routes import NAMES, RULE
from tests.chaos.schedule import QUIET_SECONDS, Planned
from tests.chaos.stack import Stack

SETTLING_SECONDS = 180.0
"""All retries of a route take 40 s at the most, and a breaker that is open closes within 30; the rest is for a busy
machine."""
DEAD_CLIENT_SECONDS = 45.0
"""Three times the 15 s within which docs/reliability.md promises that a server notices a dead client."""

Say = Callable[[str], None]


def run(
    stack: Stack,
    planned: Sequence[Planned],
    *,
    seed: int,
    seconds: float,
    rate: float,
    leads: int = 0,
    say: Say = lambda _: None,
) -> Evidence:
    """Do it all, in the main thread.

    Args:
        stack: Running.
        planned: The faults.
        seed: Of the load.
        seconds: How long leads are posted.
        rate: Leads a second.
        leads: How many leads must have been posted, however long that takes.
        say: Is told what goes on.
    """
    load = Load(stack.loop, stack.balancer.port, seed=seed, rate=rate)
    load.start()
    began = time.monotonic()
    _sleep_until(began + QUIET_SECONDS)
    before, connections = stack.footprints(), stack.connections()
    episodes = _inflict(stack, planned, began, say)
    _sleep_until(began + seconds)
    load.wait(leads, seconds=leads / 20 + 60)
    load.stop()
    say(f"{len(load.posted)} leads posted; waiting until all have come to an end")
    settled = stack.until_settled(seconds=SETTLING_SECONDS)
    say("settled" if settled else "not settled")
    stories, duplicates = read_stories(stack.postgres.url)
    return Evidence(
        stories=stories,
        duplicates=duplicates,
        leads=load.posted,
        requests=list(stack.customers.requests),
        episodes=episodes,
        starts=[start for process in stack.processes for start in process.starts()],
        rules=dict.fromkeys(NAMES, RULE),
        sweep_seconds=stack.settings.sweep_seconds,
        recovery_seconds=stack.settings.recovery_seconds,
        before=before,
        after=stack.footprints(),
        connections=(connections, stack.connections_at_rest(most=MOST_CONNECTIONS, seconds=DEAD_CLIENT_SECONDS)),
        openings=read_openings(stack.postgres.url),
    )


@dataclass(order=True)
class _UnderWay:
    """A fault that has begun: until when, and what ends it."""

    until: float
    number: int
    planned: Planned = field(compare=False)
    since: float = field(compare=False)
    mending: ExitStack = field(compare=False)


def _inflict(stack: Stack, planned: Sequence[Planned], began: float, say: Say) -> list[Episode]:
    """Let every fault begin and end in its time."""
    episodes: list[Episode] = []
    under_way: list[_UnderWay] = []
    try:
        for number, one in enumerate(planned):
            episodes += _mend_until(began + one.at, under_way)
            _sleep_until(began + one.at)
            say(f"{time.monotonic() - began:6.1f} s  {one.fault.kind}, for {one.seconds:.1f} s")
            begun = _UnderWay(began + one.at + one.seconds, number, one, time.time(), ExitStack())
            heapq.heappush(under_way, begun)
            begun.mending.enter_context(one.fault.during(stack))
        episodes += _mend_until(math.inf, under_way)
    finally:
        for begun in under_way:
            begun.mending.close()
    return episodes


def _mend_until(moment: float, under_way: list[_UnderWay]) -> Iterator[Episode]:
    while under_way and under_way[0].until <= moment:
        _sleep_until(under_way[0].until)
        begun = heapq.heappop(under_way)
        begun.mending.close()
        yield Episode(begun.planned.fault.kind, begun.planned.fault.family, begun.since, time.time())


def _sleep_until(moment: float) -> None:
    time.sleep(max(moment - time.monotonic(), 0))
