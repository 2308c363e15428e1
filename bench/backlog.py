"""How long looks and claims take while many leads are due, and intake: each alone, over one connection."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

from bench.load import percentile
from bench.source import Figures, Say, Source
from leadgateway.settings import DatabaseSettings
from leadgateway.store.claims import Claim, claim
from leadgateway.store.engine import create_store_engine
from leadgateway.store.intake import NewLead, store_batch
from leadgateway.store.outcomes import Rejected, finish
from leadgateway_worker.frontier import Frontier

AIM_MS = 20.0
"""Of a claim, whatever the number of leads that wait."""
_SLOTS = 16
_TIMES = 200
_LEASE = timedelta(minutes=10)


def measure_claims(source: Source, *, leads: int, runs: int, say: Say) -> list[Figures]:
    """Time the statements of a worker and of a webhook.

    Args:
        source: Of a system whose tables are filled, not delivering.
        leads: Those that one claim takes at the most, over all routes.
        runs: How often to time each 200 times.
        say: Is told how far it is.
    """
    system = source.system
    routes = [f"default/route-{number}" for number in range(source.scenario.setup.routes)]
    engine = create_store_engine(
        DatabaseSettings(DATABASE_URL=system.database_url), application_name="bench", pool_size=1, plans_lookups=True
    )
    results = []
    with engine.connect() as connection:
        frontier = Frontier()
        taken: list[Claim] = []

        def claim_some(of: list[str], slots: int) -> None:
            lease = dict.fromkeys(of, _LEASE)
            taken.extend(claim(connection, slots=dict.fromkeys(of, slots), lease=lease, worker="bench", limit=leads))

        def put_aside() -> None:
            # As a worker does: what is leased is passed over by the next claim, and so must not pile up.
            ends = [Rejected(lead.lead_id, lead.token, "bench", "BENCH") for lead in taken]
            finish(connection, ends, worker="bench")
            taken.clear()

        def store_some() -> None:
            body = b'{"email":"lead@example.com"}'
            store_batch(connection, [NewLead(routes[0], uuid4(), body, {}, "bench") for _ in range(_SLOTS)])

        for number in range(runs):
            figures = {
                **_timed("look for routes with leads", lambda: frontier.look(connection, routes)),
                **_timed(f"claim {_SLOTS} of one route", lambda: claim_some(routes[:1], _SLOTS), after=put_aside),
                **_timed("claim one of each route", lambda: claim_some(routes, 1), after=put_aside),
                **_timed(f"store {_SLOTS} more", store_some),
            }
            results.append(figures)
            slowest = max(value for figure, value in figures.items() if figure.startswith("claim") and "p50" in figure)
            say(f"run {number + 1}: a claim takes {slowest:.1f} ms (p50; the aim is {AIM_MS:.0f} ms)")
    engine.dispose()
    return results


def _timed(name: str, action: Callable[[], object], *, after: Callable[[], None] = lambda: None) -> Figures:
    milliseconds = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        action()
        milliseconds.append((time.perf_counter() - began) * 1000)
        after()
    ordered = sorted(milliseconds)
    return {f"{name} p50, ms": percentile(ordered, 0.5), f"{name} p99, ms": percentile(ordered, 0.99)}
