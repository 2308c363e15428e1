"""More posts than can be taken: what becomes of those that are accepted, of the others, and of the webhook's memory.

What gives out first is the database, as it does in earnest: each of its commits of leads takes some time more (a
trigger sleeps). So the capacity is far below what load generator and webhook can do on the same machine, and ten times
the capacity can really be offered. First the capacity is measured, by offering more than enough and counting what is
accepted; then its multiples are offered at a steady rate, whatever the answers are.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2

from bench.source import Figures, Say, Source
from bench.system import WEBHOOK, System, memory_of

MULTIPLES = (1, 2, 5, 10)
_COMMIT_SECONDS = 0.25
_SECONDS = 8
"""That each multiple is offered."""
_MORE_THAN_ENOUGH = 1_500.0
"""Posts a second that the capacity is measured with: several times what can be taken."""
_MOST_CONNECTIONS = 3_000
_LOOK_SECONDS = 0.05

_SLOW = f"""
CREATE FUNCTION bench_slow() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep({_COMMIT_SECONDS}); RETURN NULL; END $$;
CREATE TRIGGER bench_slow AFTER INSERT ON inbound_lead FOR EACH STATEMENT EXECUTE FUNCTION bench_slow();
"""


def measure_overload(source: Source, *, leads: int, runs: int, say: Say) -> list[Figures]:
    """Offer multiples of what can be taken; nothing is delivered meanwhile.

    Args:
        source: Of a system with empty tables.
        leads: That are offered to measure the capacity.
        runs: How often.
        say: Is told how far it is.
    """
    system, results = source.system, []
    with closing(psycopg2.connect(system.database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(_SLOW)
    for number in range(runs):
        told = source.post(leads, rate=_MORE_THAN_ENOUGH, connections=_MOST_CONNECTIONS, refusable=True)
        capacity = told["statuses"]["200"] / told["seconds"]
        figures: Figures = {"capacity, posts/s": capacity}
        for multiple in MULTIPLES:
            figures |= _offer(source, capacity * multiple, f"at {multiple} ×")
        results.append(figures)
        say(f"run {number + 1}: capacity {capacity:,.0f} posts/s")
    return results


def _offer(source: Source, rate: float, name: str) -> Figures:
    with _peak_memory(source.system) as peak:
        told = source.post(int(rate * _SECONDS), rate=rate, connections=_MOST_CONNECTIONS, refusable=True)
    statuses = {int(status): count for status, count in told["statuses"].items()}
    accepted, all_of_them = statuses.get(200, 0), sum(statuses.values())
    if unexpected := statuses.keys() - {200, 429, 503}:
        raise SystemExit(f"answered with {unexpected}, of 0 meaning not at all: {statuses}")
    if told["refused_without_retry_after"]:
        raise SystemExit(f"{told['refused_without_retry_after']} refusals without Retry-After")
    return {
        f"{name}: offered/s": all_of_them / told["seconds"],
        f"{name}: accepted/s": accepted / told["seconds"],
        f"{name}: refused, %": (all_of_them - accepted) / all_of_them * 100,
        f"{name}: accepted p50, ms": told["accepted_p50_ms"],
        f"{name}: accepted p99, ms": told["accepted_p99_ms"],
        f"{name}: any answer at the latest, ms": told["max_ms"],
        f"{name}: memory of the webhook at the most, MiB": max(peak),
    }


@contextmanager
def _peak_memory(system: System) -> Iterator[list[float]]:
    """Look at the webhook's resident memory again and again; what was seen is there at the end."""
    seen, done = [memory_of(system, WEBHOOK).resident], threading.Event()

    def look() -> None:
        while not done.wait(_LOOK_SECONDS):
            seen.append(memory_of(system, WEBHOOK).resident)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()
