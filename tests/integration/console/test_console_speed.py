"""How long people wait for a page, with many leads behind it; `make bench-pages` measures it with a million."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.pages import BOUND_MILLISECONDS, pages
from bench.search import fill
from leadgateway.store import backlog
from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows
from leadgateway.store.statistics import statistics
from tests.building.console import ConsoleProcess, Person
from tests.building.stored_leads import store_engine

LEADS = 50_000
TRIES = 10
"""One of so many has to be quick enough: others use the machine too."""


@pytest.fixture(scope="module")
def many(module_database_url: str) -> Iterator[Connection]:
    """A database with many leads."""
    engine = store_engine(module_database_url)
    with engine.connect() as connection:
        fill(connection, LEADS)
        yield connection
    engine.dispose()


def table_reads(connection: Connection) -> int:
    """How many rows of `lead_state` were read by going through the whole table, so far."""
    rows(connection, "SELECT pg_stat_force_next_flush()")
    rows(connection, "SELECT pg_stat_clear_snapshot()")
    found = rows(connection, "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'lead_state'")
    return int(found[0][0])


def test_no_page_keeps_people_waiting(many: Connection, module_database_url: str, tmp_path: Path) -> None:
    read = table_reads(many)
    slow: dict[str, float] = {}
    with ConsoleProcess(tmp_path, database=module_database_url) as console, Person(console.until_ready()) as person:
        for name, path in pages(LEADS).items():
            for _ in range(TRIES):
                began = time.monotonic()
                assert person.get(path).status_code == 200, path
                slow[name] = (time.monotonic() - began) * 1000
                if slow[name] <= BOUND_MILLISECONDS:
                    del slow[name]
                    break

    assert slow == {}
    assert table_reads(many) == read


def test_what_waits_is_counted_from_the_index_alone(many: Connection) -> None:
    for query in (backlog.WAITING_BY_ROUTE, backlog.WAITING_OF):
        plan = str(rows(many, f"EXPLAIN {query}", {"route": "bench/4"}))
        assert "Index Only Scan using lead_state_waiting" in plan
        assert "Seq Scan" not in plan


def test_statistics_of_a_part_of_the_time_read_only_that_part_of_the_leads(many: Connection) -> None:
    now, day = datetime.now(UTC), timedelta(days=1)
    read = table_reads(many)

    found = statistics(many, received_from=now - 5 * day, received_before=now - 4 * day, bucket=day / 24)

    assert found.total == pytest.approx(LEADS / 10, rel=0.01)
    assert table_reads(many) == read
