"""What is measured: each scenario by name, with everything that makes it differ from the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal["flow", "steady", "phases", "dead", "overload", "claims"]
"""flow: posts as fast as they are answered, while they are delivered. steady: posts at a rate. phases: first only
posts, then only deliveries, so that what each costs PostgreSQL can be told apart. dead: see `bench.dead_customer`;
overload: see `bench.overload`; claims: see `bench.backlog`."""

_LEADS = 10_000
_MOST_CONCURRENCY = 256
_FEWEST_LEADS = 1_000
"""With fewer the middle of a run, which is what is measured, is over between two looks."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What runs.

    Attributes:
        routes: LeadRoutes, each with the rules and the mapping of the sample; leads go to them in turn.
        delay: Seconds the customer takes to answer.
        workers: Worker processes.
        concurrency: Deliveries in flight per route and worker.
        dead: The last of the routes has a customer that never answers, and nothing is posted to it in turn.
        environment: Further settings of the processes.
    """

    routes: int = 1
    delay: float = 0.0
    workers: int = 1
    concurrency: int = _MOST_CONCURRENCY
    dead: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the matrix.

    Attributes:
        name: For the command line and the records.
        meaning: For people; continues "posts from …".
        kind: How it is measured.
        setup: What runs.
        leads: Leads a run.
        connections: Of the load generator.
        rate: Posts a second; None: as fast as the answers come.
        size: Bytes of a body.
        waiting: Due leads that are in the tables before.
        finished: Delivered leads that are in the tables before.
        grows: What a lead costs is to stay what it is without this.
        baseline_leads: Leads a run for the system that ours is compared with; 0: not compared. Fewer, because it takes
            longer for each.
    """

    name: str
    meaning: str
    kind: Kind = "flow"
    setup: Setup = Setup()
    leads: int = _LEADS
    connections: int = 32
    rate: float | None = None
    size: int = 130
    waiting: int = 0
    finished: int = 0
    grows: bool = False
    baseline_leads: int = 0

    def shrunk(self, scale: float) -> Scenario:
        """The same with fewer leads, for a quick look."""
        return replace(
            self,
            leads=max(int(self.leads * scale), _FEWEST_LEADS),
            waiting=int(self.waiting * scale),
            finished=int(self.finished * scale),
            baseline_leads=max(int(self.baseline_leads * scale), 100) if self.baseline_leads else 0,
        )


GROWN_FROM = "phases"
"""The scenario that those that grow are held against."""
LARGEST = "finished-10m"
"""The scenario with the largest tables."""
ONE_WORKER, TWO_WORKERS = "slots-16", "slots-16-workers-2"
"""The scenarios that differ by a worker only."""
STEADY = "steady"
"""The scenario in which hardly two leads share a commit."""

_FLOWS = (
    Scenario("flow", "32 connections, a customer that answers at once", baseline_leads=2_000),
    Scenario("connections-1", "1 connection", connections=1, leads=2_000, baseline_leads=500),
    Scenario("connections-256", "256 connections", connections=256, baseline_leads=2_000),
    Scenario("delay-50ms", "32 connections, a customer that takes 50 ms", setup=Setup(delay=0.05), baseline_leads=500),
    Scenario(
        "delay-500ms",
        "32 connections, a customer that takes 500 ms",
        setup=Setup(delay=0.5),
        leads=5_000,
        baseline_leads=150,
    ),
    Scenario("workers-2", "32 connections, two workers, a customer that answers at once", setup=Setup(workers=2)),
    Scenario(
        "workers-2-delay-50ms",
        "32 connections, two workers, a customer that takes 50 ms",
        setup=Setup(workers=2, delay=0.05),
    ),
)

_STEADY = (
    Scenario(STEADY, "100 posts a second", kind="steady", rate=100, leads=2_000, baseline_leads=2_000),
)  # fmt: skip

_GROWTH = (
    Scenario("phases", "130-byte bodies, 1 route, empty tables", kind="phases"),
    *(
        Scenario(f"routes-{n}", f"{n:,} routes", kind="phases", setup=Setup(routes=n), grows=True)
        for n in (10, 100, 1_000)
    ),
    Scenario("body-4k", "bodies of 4 KiB", kind="phases", size=4_096),
    Scenario("body-64k", "bodies of 64 KiB", kind="phases", size=65_536, leads=2_000),
    # Longer than others: the first claims of a worker among so many find nothing in the cache. Its counts of what waits
    # are not in what is measured: they take a hundredth of the time at the most, and come before and after it.
    Scenario("waiting-1m", "1,000,000 leads due before", kind="phases", waiting=1_000_000, leads=30_000, grows=True),
    Scenario(LARGEST, "10,000,000 leads delivered before", kind="phases", finished=10_000_000, grows=True),
    # With as many slots as a route has by default, a worker that waits for its customer is mostly idle, so that two
    # processors, shared with everything else, have room for what a second worker adds.
    Scenario(ONE_WORKER, "16 slots, 50 ms", kind="phases", setup=Setup(delay=0.05, concurrency=16), leads=4_000),
    Scenario(
        TWO_WORKERS,
        "16 slots, 50 ms, two workers",
        kind="phases",
        setup=Setup(delay=0.05, concurrency=16, workers=2),
        leads=8_000,
    ),
)

_TROUBLES = (
    Scenario(
        "dead-customer",
        "49 customers, without and beside one that times out and has 10,000 leads waiting",
        kind="dead",
        setup=Setup(routes=50, concurrency=16, dead=True),
        rate=200,
    ),
    Scenario(
        "overload",
        "1, 2, 5 and 10 times what a slow database can take",
        kind="overload",
        setup=Setup(environment={"LEADGATEWAY_WEBHOOK_MAX_QUEUED_LEADS": "100"}),
    ),
    Scenario(
        "due-1m",
        "1,000,000 leads due on 50 routes",
        kind="claims",
        setup=Setup(routes=50),
        waiting=1_000_000,
        leads=500,
    ),
)

CATALOGUE: Sequence[Scenario] = (*_FLOWS, *_STEADY, *_GROWTH, *_TROUBLES)
SHORT = ("flow", "delay-50ms", "steady", "due-1m")
"""What is measured when nothing is named."""


def named(names: Iterable[str]) -> list[Scenario]:
    """The scenarios of these names, in this order.

    Raises:
        KeyError: There is none of such a name.
    """
    known = {scenario.name: scenario for scenario in CATALOGUE}
    return [known[name] for name in names]
