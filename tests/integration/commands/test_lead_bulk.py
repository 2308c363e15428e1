"""`leadgateway lead replay | reject` of all that a filter means, and `lead bulk`, over a real database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest

from leadgateway.store.bulk import BulkState, advance, bulk_actions
from leadgateway.store.connection import Connection
from tests.building.command_line import Called, leadgateway
from tests.building.stored_leads import ROUTE, Worker, new_lead, status_of, store_engine, stored
from tests.building.waiting import eventually

DONE, NEGATIVE, USAGE = 0, 1, 2
OTHER = "default/other"
_HEEDING_INTERRUPTS = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('leadgateway', run_name='__main__', alter_sys=True)"
)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    engine = store_engine(database_url, pool_size=1)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def rejected(connection: Connection) -> list[int]:
    """Three of one route, and one of another that isn't meant."""
    leads = stored(connection, *(new_lead() for _ in range(3)), new_lead(route=OTHER))
    worker = Worker(connection)
    for claim in worker.claim(routes=[ROUTE, OTHER]):
        worker.reject(claim, "NO_ROOF")
    return leads


class Shell:
    """Calls `leadgateway lead …` with the database in the environment."""

    def __init__(self, database_url: str) -> None:
        self.environment = {"DATABASE_URL": database_url}

    def __call__(self, *arguments: str | int) -> Called:
        return leadgateway("lead", *map(str, arguments), environment=self.environment)

    def json(self, *arguments: str | int) -> dict[str, Any]:
        found = json.loads(self(*arguments, "-o", "json").out)
        assert isinstance(found, dict)
        return found


@pytest.fixture
def lead(database_url: str) -> Shell:
    return Shell(database_url)


@contextmanager
def workers(database_url: str) -> Iterator[None]:
    """Somebody who carries out acts on many leads, as workers do among their chores."""
    engine, end = store_engine(database_url, pool_size=1), Event()

    def carry_out() -> None:
        while not end.wait(0.05):
            with engine.connect() as connection:
                advance(connection)

    thread = Thread(target=carry_out)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
        engine.dispose()


def test_a_dry_run_says_how_many_leads_are_meant_and_does_nothing(
    lead: Shell, connection: Connection, rejected: list[int]
) -> None:
    told = lead("replay", "--route", ROUTE, "--dry-run")

    assert told == Called(DONE, "3 leads would be sent through again. Nothing was done.\n", "")
    assert lead.json("replay", "--all", "--dry-run") == {"dry_run": True, "kind": "replay", "total": 4}
    assert {status_of(connection, each) for each in rejected} == {"REJECTED"}
    assert bulk_actions(connection) == []


def test_nothing_is_done_without_being_agreed_to(lead: Shell, connection: Connection, rejected: list[int]) -> None:
    called = lead("replay", "--status", "rejected")

    assert called.status == NEGATIVE
    assert "4 leads would be sent through again. Nothing was done." in called.error
    assert "--yes" in called.error
    assert {status_of(connection, each) for each in rejected} == {"REJECTED"}


def test_all_that_a_filter_means_are_sent_through_again_by_the_workers_with_who_and_why(
    lead: Shell, database_url: str, connection: Connection, rejected: list[int]
) -> None:
    with workers(database_url):
        called = lead("replay", "--route", ROUTE, "--code", "NO_ROOF", "--yes", "--actor", "ada", "--reason", "mended")

    assert called == Called(DONE, "Act 1: 3 leads sent through again.\n", "")
    assert [status_of(connection, each) for each in rejected] == ["RECEIVED"] * 3 + ["REJECTED"]
    story = json.loads(lead("show", rejected[0], "-o", "json").out)
    assert story["transitions"][-1]["actor"] == "person:ada"
    assert story["transitions"][-1]["detail"]["reason"] == "bulk action 1: mended"


def test_waiting_leads_are_rejected_by_filter_with_a_code(
    lead: Shell, database_url: str, connection: Connection
) -> None:
    leads = stored(connection, count=2)
    with workers(database_url):
        told = lead.json("reject", "--route", ROUTE, "--code", "WRONG_REGION", "--yes")

    assert (told["state"], told["done"], told["refused"], told["code"]) == ("done", 2, 0, "WRONG_REGION")
    assert {status_of(connection, each) for each in leads} == {"REJECTED"}


def test_an_act_that_was_begun_without_waiting_is_listed_watched_and_called_off(
    lead: Shell, database_url: str, connection: Connection, rejected: list[int]
) -> None:
    begun = lead.json("replay", "--route", ROUTE, "--yes", "--no-wait")
    assert (begun["state"], begun["total"], begun["processed"]) == ("running", 3, 0)
    assert lead("bulk", begun["action_id"]).out == "Act 1: 0 leads sent through again, 3 to go.\n"

    called_off = lead("bulk", begun["action_id"], "--cancel", "--actor", "ada")
    assert called_off.status == DONE
    assert "called off by person:ada before 3 more" in called_off.out
    assert lead("bulk", begun["action_id"], "--follow").status == NEGATIVE
    assert "come to its end already" in lead("bulk", begun["action_id"], "--cancel").error

    second = lead.json("replay", "--route", OTHER, "--yes", "--no-wait")
    with workers(database_url):
        followed = lead("bulk", second["action_id"], "--follow")
    assert followed == Called(DONE, "Act 2: 1 lead sent through again.\n", "")
    listed = lead("bulk").out.splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [["2", "replay", "done"], ["1", "replay", "cancelled"]]
    assert [each["action_id"] for each in lead.json("bulk")["bulk_actions"]] == [2, 1]


def test_ctrl_c_ends_the_watching_and_not_the_act(
    database_url: str, connection: Connection, rejected: list[int]
) -> None:
    command = [sys.executable, "-c", _HEEDING_INTERRUPTS, "lead", "replay", "--route", ROUTE, "--yes"]
    environment = os.environ | {"DATABASE_URL": database_url}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as watching:
        eventually(lambda: bulk_actions(connection), within=90)
        watching.send_signal(signal.SIGINT)
        _, error = watching.communicate(timeout=90)

    assert watching.returncode == 130
    assert "bulk 1 --follow" in error
    assert "bulk 1 --cancel" in error
    assert bulk_actions(connection)[0].state is BulkState.RUNNING


def test_an_act_on_no_lead_is_done(lead: Shell) -> None:
    assert lead("replay", "--all", "--yes") == Called(DONE, "Act 1: 0 leads sent through again.\n", "")


def test_an_act_that_there_is_not_is_a_no(lead: Shell) -> None:
    for more in ([], ["--follow"], ["--cancel"]):
        called = lead("bulk", 4711, *more)
        assert (called.status, "There is no act" in called.error) == (NEGATIVE, True)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["replay"], "--all"),
        (["reject"], "--all"),
        (["replay", "1", "--route", ROUTE], "not both"),
        (["replay", "1", "--all"], "not both"),
        (["replay", "1", "--dry-run"], "--dry-run"),
        (["replay", "--email", "nobody", "--dry-run"], "--email"),
        (["bulk", "--follow"], "with their ids"),
    ],
)
def test_a_call_that_leaves_open_which_leads_are_meant_is_refused(
    lead: Shell, arguments: list[str], names: str
) -> None:
    called = lead(*arguments)

    assert called.status == USAGE
    assert names in called.error
