"""`leadgateway migrate`: from an empty database to the schema, again and again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from leadgateway.dev.home import Home
from tests.building.command_line import leadgateway

DONE, USAGE, UNAVAILABLE = 0, 2, 3


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Undo what the command, which otherwise has a process of its own, does to this one's logs."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_an_empty_database_gets_the_schema_and_a_second_call_changes_nothing(empty_database_url: str) -> None:
    environment = {"DATABASE_URL": empty_database_url}

    first, second = (leadgateway("migrate", environment=environment) for _ in range(2))

    assert (first.status, second.status) == (DONE, DONE)
    assert first.out == second.out
    assert first.out.startswith("The schema is current: revision ")
    assert leadgateway("lead", "show", "1", environment=environment).error == "error: There is no lead 1.\n"


def test_a_database_that_stays_away_is_told_after_the_wait() -> None:
    called = leadgateway("migrate", "--wait", "0", environment={"DATABASE_URL": "postgresql:///x?host=/nowhere"})

    assert called.status == UNAVAILABLE
    assert "/nowhere" in called.error


def test_the_wait_can_be_set_by_the_environment_and_is_not_negative() -> None:
    called = leadgateway("migrate", environment={"LEADGATEWAY_MIGRATE_WAIT_SECONDS": "-1"})

    assert called.status == USAGE
    assert "--wait" in called.error


def test_the_database_of_a_running_stack_is_found(tmp_path: Path, empty_database_url: str) -> None:
    stack = Home(tmp_path / "data")
    with stack.held():
        stack.write_environment({"DATABASE_URL": empty_database_url})

        called = leadgateway("migrate", "--data", str(tmp_path / "data"))

    assert called.status == DONE


def test_the_environment_goes_before_a_running_stack(tmp_path: Path, empty_database_url: str) -> None:
    stack = Home(tmp_path / "data")
    with stack.held():
        stack.write_environment({"DATABASE_URL": empty_database_url})

        called = leadgateway("migrate", "--wait=0", f"--data={stack.folder}", environment={"POSTGRES_HOST": "/nowhere"})

    assert called.status == UNAVAILABLE
