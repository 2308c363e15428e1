"""The worker makes leads findable, and nothing waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from leadgateway_worker.housekeeping import HousekeepingThread
from leadgateway_worker.indexing import Indexing
from tests.building.pump import Leads, engine_of, leads_in
from tests.building.waiting import eventually


@pytest.fixture
def leads(database_url: str) -> Iterator[Leads]:
    with leads_in(database_url) as found:
        yield found


@contextmanager
def indexed(database_url: str) -> Iterator[None]:
    """Indexing in a thread of this process."""
    engine = engine_of(database_url, connections=1)
    thread = HousekeepingThread(engine, [Indexing(batch=7, missed_seconds=0.1)], interval=0.05)
    thread.start()
    try:
        yield
    finally:
        thread.stop()
        engine.dispose()


def findable(leads: Leads) -> int:
    return int(leads.ask("SELECT count(*) FROM lead_search WHERE terms IS NOT NULL")[0][0])


def test_what_is_new_what_was_missed_and_what_was_there_before_is_indexed(leads: Leads, database_url: str) -> None:
    for _ in range(20):
        leads.put_one()
    leads.ask("UPDATE search_progress SET read_up_to = 18, settled_up_to = 10, backfilled_down_to = 10 RETURNING 1")

    with indexed(database_url):
        eventually(lambda: findable(leads) == 20)
        leads.put_one()
        eventually(lambda: findable(leads) == 21)
