"""What a dead customer costs the others: the same posts and deliveries without it and beside it, in turn.

Its leads were posted before. For a run beside it they fall due all at once, with its circuit breaker closed: so a run
has the time during which it holds its slots as well as the time after its breaker has opened. It times out after 10 s.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2

from bench.load import percentile
from bench.source import Figures, Say, Source
from bench.system import System

DEAD_LEADS = 10_000
_STEADY_SECONDS = 20
_LOOK_SECONDS = 0.1


def measure_beside_a_dead_one(source: Source, *, leads: int, runs: int, say: Say) -> list[Figures]:
    """Measure throughput and latency of the customers that answer, without the dead one and beside it.

    Args:
        source: Of a system with a dead customer.
        leads: Leads a run that are delivered as fast as it goes, before those at a steady rate.
        runs: How often.
        say: Is told how far it is.
    """
    system, results = source.system, []
    assert system.dead_path is not None
    source.post(DEAD_LEADS, paths=[system.dead_path])
    _execute(system, _FAR_AWAY)
    with system.working():
        source.warm_up(max(leads // 10, 100))
        for number in range(runs):
            alone = _round(source, leads)
            with _dead(system):
                beside = _round(source, leads)
                opened = bool(_execute(system, _OPEN))
            kept = beside[_RATE] / alone[_RATE]
            results.append(
                {
                    **{f"{figure}, without": value for figure, value in alone.items()},
                    **{f"{figure}, beside it": value for figure, value in beside.items()},
                    f"{_RATE}: beside it / without": kept,
                    f"{_P99}: beside it / without": beside[_P99] / alone[_P99],
                    f"{_POST_P99}: beside it / without": beside[_POST_P99] / alone[_POST_P99],
                    "breakers opened": float(opened),
                }
            )
            say(f"run {number + 1}: {alone[_RATE]:,.0f} delivered/s without, {beside[_RATE]:,.0f} beside it")
    return results


_RATE = "delivered/s"
_P99 = "from the 200 to the customer p99, ms"
_POST_P99 = "post p99, ms"


def _round(source: Source, leads: int) -> Figures:
    """As fast as it goes, then at a steady rate."""
    system, rate = source.system, source.scenario.rate
    assert rate is not None
    began, before = time.monotonic(), system.receiver.counts().leads
    source.post(leads)
    source.await_leads(before + leads)
    seconds = system.receiver.counts().last - began
    steady, answers = int(rate * _STEADY_SECONDS), system.folder / "answers.json"
    posted = source.post(steady, rate=rate, answers=answers)
    source.await_leads(before + leads + steady)
    came = system.receiver.arrivals()
    waits = sorted((came[int(number)] - at) * 1000 for number, at in json.loads(answers.read_text()).items())
    return {
        _RATE: leads / seconds,
        "from the 200 to the customer p50, ms": percentile(waits, 0.5),
        _P99: percentile(waits, 0.99),
        _POST_P99: posted["p99_ms"],
    }


@contextmanager
def _dead(system: System) -> Iterator[None]:
    """Let the dead customer's leads be due, and at the end wait until none is tried any more."""
    _execute(system, _DUE)
    yield
    while _execute(system, _FAR_AWAY + _ON_ITS_WAY):
        time.sleep(_LOOK_SECONDS)
    _execute(system, _CLOSE)


def _execute(system: System, statements: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(system.database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statements, {"route": system.dead_route})
        return list(cursor.fetchall()) if cursor.description else []


_DUE = "UPDATE lead_state SET due_at = now() WHERE route = %(route)s AND due_at IS NOT NULL;"
_FAR_AWAY = """
UPDATE lead_state SET due_at = now() + interval '1 day' WHERE route = %(route)s AND due_at < now() + interval '1 hour'
AND leased_until IS NULL;
"""
_ON_ITS_WAY = """
SELECT lead_id FROM lead_state WHERE route = %(route)s AND due_at IS NOT NULL
AND (leased_until IS NOT NULL OR due_at < now() + interval '1 hour') LIMIT 1
"""
_OPEN = "SELECT opening_id FROM breaker_opening WHERE route = %(route)s AND closed_at IS NULL"
_CLOSE = """
UPDATE breaker_opening SET closed_at = now(), closed_by = 'bench' WHERE route = %(route)s AND closed_at IS NULL;
DELETE FROM breaker_tally WHERE route = %(route)s
"""
