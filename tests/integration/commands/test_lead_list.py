"""`leadgateway lead list | tail | export` and `leadgateway stats`, over a real database."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from leadgateway.store.connection import Connection
from leadgateway.store.people import reject
from tests.building.command_line import Called, leadgateway
from tests.building.stored_leads import ROUTE, Worker, new_lead, store_engine, stored
from tests.building.waiting import eventually

DONE, USAGE, UNAVAILABLE = 0, 2, 3
ANN = b'{"email": "ann@example.com", "address": {"zip": "66123"}}'
BOB = b'{"email": "bob@example.com", "phone": "=1+1"}'
OTHER = "default/other"


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    engine = store_engine(database_url, pool_size=1)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


class Shell:
    """Calls `leadgateway …` with the database in the environment."""

    def __init__(self, database_url: str) -> None:
        self.environment = {"DATABASE_URL": database_url}

    def __call__(self, *arguments: str) -> Called:
        return leadgateway(*arguments, environment=self.environment)

    def json(self, *arguments: str) -> dict[str, Any]:
        called = self(*arguments, "-o", "json")
        assert called.status == DONE, called.error
        found = json.loads(called.out)
        assert isinstance(found, dict)
        return found

    def ids(self, *arguments: str) -> list[int]:
        return [lead["lead_id"] for lead in self.json("lead", "list", *arguments)["leads"]]


@pytest.fixture
def shell(database_url: str) -> Shell:
    return Shell(database_url)


@pytest.fixture
def leads(connection: Connection) -> tuple[int, int, int]:
    """One that was rejected, one that was delivered, and one that waits on another route."""
    rejected, delivered = stored(connection, new_lead(body=ANN, correlation_id=UUID(int=7)), new_lead(body=BOB))
    worker = Worker(connection)
    claimed = {lead.lead_id: lead for lead in worker.claim()}
    worker.reject(claimed[rejected], "NOT_HOMEOWNER")
    worker.mark_ready([claimed[delivered]])
    worker.deliver(claimed[delivered])
    [waiting] = stored(connection, new_lead(body=ANN, route=OTHER))
    return rejected, delivered, waiting


def test_leads_are_listed_the_newest_first(shell: Shell, leads: tuple[int, int, int]) -> None:
    called = shell("lead", "list")

    lines = called.out.splitlines()
    assert called.status == DONE
    assert lines[0].split()[:4] == ["ID", "STATUS", "CODE", "ROUTE"]
    assert [line.split()[:2] for line in lines[1:]] == [
        [str(leads[2]), "RECEIVED"],
        [str(leads[1]), "DELIVERED"],
        [str(leads[0]), "REJECTED"],
    ]
    assert "NOT_HOMEOWNER" in lines[3]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--route", ROUTE], [1, 0]),
        (["--status", "delivered", "--status", "REJECTED"], [1, 0]),
        (["--code", "NOT_HOMEOWNER"], [0]),
        (["--email", "ANN@example.com"], [2, 0]),
        (["--field", "address.zip=66123", "--route", OTHER], [2]),
        (["--correlation-id", str(UUID(int=7))], [0]),
        (["--since", "1h"], [2, 1, 0]),
        (["--until", "1h"], []),
        (["--since", "2020-01-01", "--until", "2020-01-02T12:00Z"], []),
        (["--limit", "1"], [2]),
    ],
)
def test_they_are_found_by_every_option(
    shell: Shell, leads: tuple[int, int, int], options: list[str], found: list[int]
) -> None:
    assert shell.ids(*options) == [leads[place] for place in found]


def test_a_page_names_the_next_one(shell: Shell, leads: tuple[int, int, int]) -> None:
    first = shell.json("lead", "list", "--limit", "2")

    assert first["next_before"] == leads[1]
    assert shell.ids("--before", str(first["next_before"])) == [leads[0]]
    assert f"--before {leads[1]}" in shell("lead", "list", "--limit", "2").error


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--since", "yesterday"], "--since"),
        (["--email", "ann"], "--email"),
        (["--field", "zip"], "--field"),
        (["--status", "LOST"], "--status"),
        (["--since", "1h", "--until", "2h"], "--until"),
        (["--limit", "501"], "--limit"),
    ],
)
def test_what_nothing_can_be_found_by_is_a_usage_error(shell: Shell, options: list[str], hint: str) -> None:
    called = shell("lead", "list", *options)

    assert called.status == USAGE
    assert hint in called.error


def test_all_that_are_meant_are_exported_as_a_document_a_line(
    shell: Shell, leads: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadgateway.commands.store_source.LARGEST_PAGE", 1)

    lines = [json.loads(line) for line in shell("lead", "export", "--bodies").out.splitlines()]

    assert [line["lead_id"] for line in lines] == list(reversed(leads))
    assert lines[-1]["body"] == json.loads(ANN)
    assert lines[-1]["reject_code"] == "NOT_HOMEOWNER"


def test_without_being_asked_for_no_body_is_exported(shell: Shell, leads: tuple[int, int, int]) -> None:
    assert "ann@" not in shell("lead", "export").out
    assert "ann@" not in shell("lead", "export", "--format", "csv").out


def test_a_file_of_csv_can_be_read_by_a_spreadsheet_and_steers_it_nowhere(
    shell: Shell, connection: Connection, leads: tuple[int, int, int], tmp_path: Path
) -> None:
    reject(connection, [leads[2]], code="=HYPERLINK(1)", person="ann")

    called = shell("lead", "export", "--format", "csv", "--bodies", "--to", str(tmp_path / "leads.csv"))

    assert called == Called(DONE, "", "")
    read = list(csv.DictReader(io.StringIO((tmp_path / "leads.csv").read_text())))
    assert [int(line["lead_id"]) for line in read] == list(reversed(leads))
    assert read[0]["reject_code"] == "'=HYPERLINK(1)"
    assert json.loads(read[1]["body"]) == json.loads(BOB)


def test_a_file_that_can_not_be_written_is_a_usage_error(
    shell: Shell, leads: tuple[int, int, int], tmp_path: Path
) -> None:
    called = shell("lead", "export", "--to", str(tmp_path / "nowhere" / "leads.csv"))

    assert called.status == USAGE
    assert "--to" in called.error


def test_nothing_that_people_wrote_can_steer_the_terminal(
    shell: Shell, connection: Connection, leads: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = "\x1b[31m[bold]x[/bold] [/]\u202e"
    reject(connection, [leads[2]], code=hostile, person=hostile)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("leadgateway.commands.store_source.time.sleep", interrupt)

    for shown in (shell("lead", "list").out, shell("lead", "tail").out, shell("stats").out):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "[bold]x[/bold] [/]" in shown


# Children of a job in a shell's background ignore interrupts, unless they say otherwise.
_HEEDING_INTERRUPTS = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('leadgateway', run_name='__main__', alter_sys=True)"
)


class Following:
    """`leadgateway lead tail` in a process of its own."""

    def __init__(self, database_url: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _HEEDING_INTERRUPTS, "lead", "tail", "-o", "json", *arguments],
            env=os.environ | {"DATABASE_URL": database_url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.steps: list[tuple[int, str]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            step = json.loads(line)
            self.steps.append((step["lead_id"], step["to_status"]))

    def until(self, *steps: tuple[int, str]) -> None:
        eventually(lambda: set(steps) <= set(self.steps), within=60, what=f"{steps} (now {self.steps})")

    def end(self) -> int:
        self._process.send_signal(signal.SIGINT)
        status = self._process.wait(60)
        self._reader.join()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        return status


def test_what_happens_to_the_last_leads_and_to_new_ones_is_followed(
    database_url: str, connection: Connection, leads: tuple[int, int, int]
) -> None:
    following = Following(database_url, "--lines", "1")
    try:
        following.until((leads[2], "RECEIVED"))
        [new] = stored(connection, new_lead())
        following.until((new, "RECEIVED"))
        Worker(connection).deliver(Worker(connection).claim_ready())
        reject(connection, [leads[2]], code="SPAM", person="ann")
        following.until((new, "READY"), (new, "DELIVERED"), (leads[2], "REJECTED"))
    finally:
        status = following.end()

    assert status == DONE
    assert len(following.steps) == len(set(following.steps)) == 5


def test_only_one_route_is_followed_if_that_is_asked_for(
    database_url: str, connection: Connection, leads: tuple[int, int, int]
) -> None:
    following = Following(database_url, "--route", OTHER)
    try:
        following.until((leads[2], "RECEIVED"))
        _, there = stored(connection, new_lead(), new_lead(route=OTHER))
        following.until((there, "RECEIVED"))
    finally:
        following.end()

    assert {lead_id for lead_id, _ in following.steps} == {leads[2], there}


def test_statistics_count_by_route_code_and_time(shell: Shell, leads: tuple[int, int, int]) -> None:
    told = shell.json("stats")

    assert told["total"] == 3
    assert {status: n for status, n in told["by_status"].items() if n} == {
        "RECEIVED": 1,
        "REJECTED": 1,
        "DELIVERED": 1,
    }
    assert told["by_route"][OTHER]["RECEIVED"] == 1
    assert told["by_reject_code"] == {ROUTE: {"NOT_HOMEOWNER": 1}}
    assert sum(sum(n for name, n in each.items() if name != "start") for each in told["by_time"]) == 3
    assert shell.json("stats", "--until", "1h", "--since", "2h")["total"] == 0
    assert shell.json("stats", "--route", OTHER)["total"] == 1


def test_statistics_are_printed_for_people(shell: Shell, leads: tuple[int, int, int]) -> None:
    shown = shell("stats").out

    lines = [line.split() for line in shown.splitlines()]
    assert ["ROUTE", "LEADS", "RECEIVED", "REJECTED", "READY", "DELIVERED", "FAILED", "PERMANENTLY_FAILED"] in lines
    assert ["all", "3", "1", "1", "0", "1", "0", "0"] in lines
    assert ["1", "NOT_HOMEOWNER", ROUTE] in lines
    assert "█" in shown


@pytest.mark.parametrize("options", [["--bucket", "1x"], ["--bucket", "1s", "--since", "7d"], ["--since", "soon"]])
def test_statistics_of_no_period_are_a_usage_error(shell: Shell, options: list[str]) -> None:
    assert shell("stats", *options).status == USAGE


@pytest.mark.parametrize("command", [["lead", "list"], ["lead", "export"], ["lead", "tail"], ["stats"]])
def test_a_database_that_is_away_is_told(command: list[str]) -> None:
    called = leadgateway(*command, environment={"DATABASE_URL": "postgresql:///x?host=/nowhere"})

    assert called.status == UNAVAILABLE
