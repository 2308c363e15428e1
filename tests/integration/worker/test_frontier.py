"""Where a worker begins to look for waiting leads, once looking from the very beginning was slow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows
from leadgateway_worker.frontier import Frontier
from tests.building.stored_leads import Worker, new_lead, store_engine, stored

LOADED = ["default/a", "default/b", "default/c"]
AT_ONCE_SLOW = -1.0
"""So that every whole look counts as slow."""


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    engine = store_engine(database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def frontier(connection: Connection) -> Frontier:
    """One that has looked at everything, slowly, and begins later from now on."""
    stored(connection, new_lead(route="default/a"))
    frontier = Frontier(slow_seconds=AT_ONCE_SLOW)
    assert list(frontier.look(connection, LOADED).oldest) == ["default/a"]
    return frontier


def seen(frontier: Frontier, connection: Connection) -> set[str]:
    return set(frontier.look(connection, LOADED).oldest)


def test_a_new_lead_of_a_route_without_any_is_seen(frontier: Frontier, connection: Connection) -> None:
    stored(connection, new_lead(route="default/b"))

    assert seen(frontier, connection) == {"default/a", "default/b"}


def test_a_new_lead_of_a_route_that_only_waits_for_a_retry_is_seen(frontier: Frontier, connection: Connection) -> None:
    rows(connection, "UPDATE lead_state SET due_at = now() + interval '1 hour'")
    assert seen(frontier, connection) == {"default/a"}
    stored(connection, new_lead(route="default/a"))

    oldest = frontier.look(connection, LOADED).oldest["default/a"]

    assert rows(connection, "SELECT min(due_at) FROM lead_state") == [(oldest,)]


def test_a_lead_whose_commit_took_some_seconds_is_seen(frontier: Frontier, connection: Connection) -> None:
    stored(connection, new_lead(route="default/c"))
    rows(connection, "UPDATE lead_state SET due_at = now() - interval '10 s' WHERE route = 'default/c'")

    assert "default/c" in seen(frontier, connection)


def test_a_lead_that_is_given_back_or_whose_lease_runs_out_is_seen(frontier: Frontier, connection: Connection) -> None:
    rows(connection, "UPDATE lead_state SET due_at = now() - interval '1 hour'")
    frontier = Frontier(slow_seconds=AT_ONCE_SLOW)
    frontier.look(connection, LOADED)
    Worker(connection).claim(routes=LOADED)

    for _ in range(3):
        assert seen(frontier, connection) == {"default/a"}


def test_leads_of_a_route_that_is_not_loaded_are_still_counted(frontier: Frontier, connection: Connection) -> None:
    assert list(frontier.look(connection, []).oldest) == ["default/a"]


def test_a_quick_look_is_a_whole_one_each_time(connection: Connection) -> None:
    frontier = Frontier(slow_seconds=60)
    frontier.look(connection, [])
    stored(connection, new_lead(route="default/b"))
    rows(connection, "UPDATE lead_state SET due_at = now() - interval '1 hour'")

    assert list(frontier.look(connection, []).oldest) == ["default/b"]
