"""Measures one system in one scenario: several runs, each a set of figures by name."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import psycopg2

from bench.backlog import measure_claims
from bench.dead_customer import measure_beside_a_dead_one
from bench.load import percentile
from bench.overload import measure_overload
from bench.processes import cpu_seconds
from bench.scenarios import Scenario
from bench.source import Figures, Say, Source
from bench.system import POSTGRESQL, VALKEY, WEBHOOK, WORKER, System, cpu, memory_of
from bench.traffic import COMMANDS, COMMITS, WAL, Traffic

_WARM_UP_SHARE = 0.1
POSTS, POST_P99 = "posts/s", "post p99, ms"
DELIVERED, DELIVERED_END_TO_END = "delivered/s", "delivered/s, first post to last delivery"
TO_CUSTOMER_P50, TO_CUSTOMER_P99 = (f"from the 200 to the customer {share}, ms" for share in ("p50", "p99"))
CPU = "CPU s per 1,000 leads: "
DISK = "disk of a lead with its indexes, bytes"
OWN = f"{WEBHOOK} + {WORKER}"
PROPORTIONAL, RESIDENT = (f"memory of {OWN}, MiB ({what})" for what in ("shared pages once", "sum of RSS"))


def measure(system: System, scenario: Scenario, *, leads: int, runs: int, say: Say) -> list[Figures]:
    """Measure, after a warm-up of a tenth of a run.

    Args:
        system: Fresh, or filled; not delivering yet.
        scenario: How.
        leads: Leads a run.
        runs: How often.
        say: Is told how far it is.
    """
    kinds = {
        "flow": _flow,
        "steady": _steady,
        "phases": _phases,
        "dead": measure_beside_a_dead_one,
        "overload": measure_overload,
        "claims": measure_claims,
    }
    return kinds[scenario.kind](Source(system, scenario), leads=leads, runs=runs, say=say)


@dataclass(frozen=True, slots=True)
class _Moment:
    """What had been used, and how many leads delivered, at a time."""

    at: float
    cpu: Mapping[str, float]
    receiver_cpu: float
    leads: int
    traffic: Traffic

    @classmethod
    def of(cls, system: System) -> _Moment:
        leads, at = system.receiver.counts().leads, time.monotonic()
        used, receiver = cpu(system), cpu_seconds(system.receiver.pid)
        return cls(at, used, receiver, leads, Traffic.of(system.database_url, system.valkey_url))

    def cost_since(self, before: _Moment, leads: int) -> dict[str, float]:
        """CPU seconds per 1,000 leads since then, by part."""
        return {part: (used - before.cpu.get(part, 0.0)) / leads * 1000 for part, used in self.cpu.items()}


def _costs(cost: Mapping[str, float], *, tools: float, prefix: str = CPU) -> Figures:
    own = {part: cost[part] for part in (WEBHOOK, WORKER) if part in cost}
    both = {OWN: sum(own.values())} if len(own) > 1 else {}
    rest = {POSTGRESQL: cost[POSTGRESQL], VALKEY: cost[VALKEY], "load generator + receiver": tools}
    return {f"{prefix}{part}": used for part, used in {**own, **both, **rest}.items()}


def _memory(system: System) -> Figures:
    both, postgresql = memory_of(system, WEBHOOK, WORKER), memory_of(system, POSTGRESQL)
    return {
        PROPORTIONAL: both.proportional,
        RESIDENT: both.resident,
        "memory of PostgreSQL, MiB (shared pages once)": postgresql.proportional,
    }


def _flow(source: Source, *, leads: int, runs: int, say: Say) -> list[Figures]:
    """Post as fast as the answers come, and wait until the customer has everything."""
    system, results = source.system, []
    with system.working():
        source.warm_up(max(int(leads * _WARM_UP_SHARE), 100))
        for number in range(runs):
            before = _Moment.of(system)
            posted = source.post(leads)
            source.await_leads(before.leads + leads)
            seconds = system.receiver.counts().last - posted["began"]
            system.await_rest()
            after = _Moment.of(system)
            tools = (posted["cpu_seconds"] + after.receiver_cpu - before.receiver_cpu) / leads * 1000
            figures = {
                POSTS: posted["posts_per_second"],
                "post p50, ms": posted["p50_ms"],
                POST_P99: posted["p99_ms"],
                DELIVERED_END_TO_END: leads / seconds,
                **_costs(after.cost_since(before, leads), tools=tools),
                **_memory(system),
                **after.traffic.since(before.traffic, leads),
            }
            results.append(figures)
            say(f"run {number + 1}: {figures[POSTS]:,.0f} posts/s, {leads / seconds:,.0f} delivered/s")
    return results


def _steady(source: Source, *, leads: int, runs: int, say: Say) -> list[Figures]:
    """Post at a steady rate, and compare when each lead was answered with when the customer had it."""
    system, results = source.system, []
    rate, answers = source.scenario.rate, system.folder / "answers.json"
    with system.working():
        source.warm_up(max(int(leads * _WARM_UP_SHARE), 100))
        for number in range(runs):
            before = _Moment.of(system)
            posted = source.post(leads, rate=rate, answers=answers)
            source.await_leads(before.leads + leads)
            system.await_rest()
            after = _Moment.of(system)
            came = system.receiver.arrivals()
            waits = sorted((came[int(n)] - at) * 1000 for n, at in json.loads(answers.read_text()).items())
            tools = (posted["cpu_seconds"] + after.receiver_cpu - before.receiver_cpu) / leads * 1000
            figures = {
                "post p50, ms": posted["p50_ms"],
                POST_P99: posted["p99_ms"],
                TO_CUSTOMER_P50: percentile(waits, 0.5),
                TO_CUSTOMER_P99: percentile(waits, 0.99),
                **_costs(after.cost_since(before, leads), tools=tools),
                **_memory(system),
                **after.traffic.since(before.traffic, leads),
            }
            results.append(figures)
            say(
                f"run {number + 1}: post p99 {posted['p99_ms']:.1f} ms, to the customer {percentile(waits, 0.5):.1f} ms"
            )
    return results


def _phases(source: Source, *, leads: int, runs: int, say: Say) -> list[Figures]:
    """Post everything, then deliver everything, in turn, so that each part's cost belongs to one of the two."""
    results = []
    source.post(max(int(leads * _WARM_UP_SHARE), 100))
    for number in range(runs):
        size = _database_bytes(source.system)
        taken, delivered = _intake(source, leads), _delivery(source, leads)
        grown = (_database_bytes(source.system) - size) / leads
        results.append(taken | delivered | {DISK: grown})
        say(f"run {number + 1}: {taken[POSTS]:,.0f} posts/s, then {delivered[DELIVERED]:,.0f} delivered/s")
    return results


def _intake(source: Source, leads: int) -> Figures:
    before = _Moment.of(source.system)
    posted = source.post(leads)
    after = _Moment.of(source.system)
    cost = after.cost_since(before, leads)
    return {
        POSTS: posted["posts_per_second"],
        POST_P99: posted["p99_ms"],
        **{f"intake, {CPU}{part}": cost[part] for part in (WEBHOOK, POSTGRESQL)},
        **_traffic("intake", before, after, leads),
    }


def _delivery(source: Source, leads: int) -> Figures:
    """Deliver what waits, and look only at the middle, where the worker is neither starting nor running out."""
    system = source.system
    start = system.receiver.counts().leads
    with system.working():
        source.await_leads(start + int(leads * _WARM_UP_SHARE))
        before = _Moment.of(system)
        source.await_leads(start + int(leads * (1 - _WARM_UP_SHARE)))
        after = _Moment.of(system)
        done = after.leads - before.leads
        cost = after.cost_since(before, done)
        used = _memory(system)
        source.await_leads(start + leads)
    return {
        DELIVERED: done / (after.at - before.at),
        **{f"delivery, {CPU}{part}": cost[part] for part in (WORKER, POSTGRESQL, VALKEY)},
        **_traffic("delivery", before, after, done),
        **used,
    }


def _traffic(phase: str, before: _Moment, after: _Moment, leads: int) -> Figures:
    added = after.traffic.since(before.traffic, leads)
    return {f"{phase}, {figure}": added[figure] for figure in (WAL, COMMITS, COMMANDS)}


def _database_bytes(system: System) -> int:
    with closing(psycopg2.connect(system.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchall()[0][0])
