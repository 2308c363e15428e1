"""`kubectl leads`: the commands over the admin API of a real console, through a port that kubectl forwards."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from leadgateway.commands.kubectl import app
from leadgateway.store.bulk import advance
from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows
from tests.building.command_line import Called, leadgateway
from tests.building.console import TOKEN, VIEWER_TOKEN, ConsoleProcess
from tests.building.kubectl import Cluster
from tests.building.stored_leads import Worker, new_lead, status_of, stored
from tests.building.waiting import eventually

DONE, NEGATIVE, USAGE, UNAVAILABLE = 0, 1, 2, 3
BODY = b'{"email": "ann@example.com", "address": {"zip": "66123"}}'


@pytest.fixture
def cluster(console: ConsoleProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """With one release, the chart's Secret, and its kubectl before any other."""
    made = Cluster(tmp_path / "bin", console.port)
    made.release("lead-gateway", token=TOKEN)
    made.provide()
    monkeypatch.setenv("PATH", str(made.folder), prepend=os.pathsep)
    return made


@pytest.fixture
def route() -> str:
    """A route of this test's own, so that tests don't find each other's leads."""
    return f"default/{uuid4().hex[:12]}"


def kubectl_leads(*arguments: str | int | Path) -> Called:
    shown = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    result = CliRunner().invoke(app, [str(each) for each in arguments], env=shown)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Called(result.exit_code, result.stdout, result.stderr)


def told(*arguments: str | int) -> Any:
    called = kubectl_leads(*arguments, "-o", "json")
    assert called.status == DONE, called.error
    return json.loads(called.out)


def delivered(connection: Connection, route: str) -> int:
    [lead_id] = stored(connection, new_lead(route=route, body=BODY))
    worker = Worker(connection)
    [claim] = worker.claim(routes=[route])
    worker.mark_ready([claim])
    worker.deliver(claim)
    return lead_id


def rejected(connection: Connection, route: str, count: int) -> list[int]:
    leads = stored(connection, *(new_lead(route=route, body=BODY) for _ in range(count)))
    worker = Worker(connection)
    for claim in worker.claim(routes=[route]):
        worker.reject(claim, "NO_ROOF")
    return leads


@pytest.mark.parametrize("form", [[], ["-o", "json"]])
def test_what_is_read_is_printed_as_the_command_that_asks_the_database_prints_it(
    cluster: Cluster, module_database_url: str, connection: Connection, route: str, form: list[str]
) -> None:
    lead_id = delivered(connection, route)
    rejected(connection, route, 2)
    reading = {"DATABASE_URL": module_database_url}

    listing = ["list", "--route", route, "--since", "1h", "--field", "address.zip=66123", *form]
    assert kubectl_leads(*listing) == leadgateway("lead", *listing, environment=reading)
    showing = ["show", str(lead_id), *form]
    assert kubectl_leads(*showing) == leadgateway("lead", *showing, environment=reading)
    counting = ["stats", "--route", route, *form]
    assert kubectl_leads(*counting) == leadgateway(*counting, environment=reading)


@pytest.mark.parametrize("options", [[], ["--bodies"], ["--format", "csv"], ["--format", "csv", "--bodies"]])
def test_an_export_is_the_same_too(
    cluster: Cluster, module_database_url: str, connection: Connection, route: str, options: list[str]
) -> None:
    leads = rejected(connection, route, 3)

    exported = kubectl_leads("export", "--route", route, *options)

    here = leadgateway("lead", "export", "--route", route, *options, environment={"DATABASE_URL": module_database_url})
    assert exported == here
    lines = (
        list(csv.DictReader(io.StringIO(exported.out)))
        if "csv" in options
        else [json.loads(line) for line in exported.out.splitlines()]
    )
    assert [int(line["lead_id"]) for line in lines] == leads[::-1]


def test_bodies_that_are_taken_along_are_recorded_as_looked_at(
    cluster: Cluster, connection: Connection, route: str
) -> None:
    rejected(connection, route, 2)
    kubectl_leads("export", "--route", route, "--bodies")

    looks = rows(connection, "SELECT kind, leads FROM personal_data_look ORDER BY look_id")

    assert looks[-1] == ("export", 2)


def test_an_act_is_recorded_with_who_did_it_and_that_it_came_with_the_token(
    cluster: Cluster, connection: Connection, route: str
) -> None:
    [lead_id] = rejected(connection, route, 1)

    called = kubectl_leads("replay", lead_id, 2**62, "--actor", "Zoë", "--reason", "mended")

    assert called.status == NEGATIVE
    assert called.out == f"lead {lead_id}: sent through again\n"
    assert called.error == f"lead {2**62}: refused: there is no such lead\n"
    last = told("show", lead_id)["transitions"][-1]
    assert (last["to"], last["actor"], last["detail"]["reason"]) == ("RECEIVED", "person:Zoë (token)", "mended")
    again = kubectl_leads("replay", lead_id)
    assert (again.status, "it is RECEIVED, which doesn't allow this" in again.error) == (NEGATIVE, True)


def test_many_leads_are_sent_through_again_after_a_dry_run(
    cluster: Cluster, connection: Connection, route: str
) -> None:
    leads = rejected(connection, route, 3)

    dry = kubectl_leads("replay", "--route", route, "--dry-run")
    begun = told("replay", "--route", route, "--yes", "--no-wait", "--actor", "ada")
    while advance(connection):
        pass
    ended = told("bulk", begun["action_id"], "--follow")

    assert dry.out == "3 leads would be sent through again. Nothing was done.\n"
    assert (begun["state"], begun["total"], begun["actor"]) == ("running", 3, "person:ada (token)")
    assert (ended["state"], ended["done"], ended["refused"]) == ("done", 3, 0)
    assert {status_of(connection, each) for each in leads} == {"RECEIVED"}
    assert kubectl_leads("bulk", begun["action_id"], "--cancel").status == NEGATIVE


def test_rejecting_leads_needs_a_reason(cluster: Cluster, connection: Connection, route: str) -> None:
    [lead_id] = stored(connection, new_lead(route=route))

    refused = kubectl_leads("reject", lead_id)
    called = kubectl_leads("reject", lead_id, "--reason", "spam", "--code", "SPAM")

    assert (refused.status, "--reason" in refused.error) == (USAGE, True)
    assert (called.status, told("show", lead_id)["reject_code"]) == (DONE, "SPAM")


def test_leads_are_followed_until_ctrl_c_and_the_forwarding_ends(
    cluster: Cluster, connection: Connection, route: str
) -> None:
    [first] = stored(connection, new_lead(route=route))
    heeding = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from leadgateway.commands.kubectl import main; main()"
    )
    command = [sys.executable, "-c", heeding, "tail", "--route", route, "-o", "json"]
    lines: list[dict[str, Any]] = []

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        reader = threading.Thread(target=lambda: lines.extend(map(json.loads, following.stdout or ())))
        reader.start()
        eventually(lambda: [line["lead_id"] for line in lines] == [first], within=90)
        [second] = stored(connection, new_lead(route=route))
        eventually(lambda: [line["lead_id"] for line in lines] == [first, second], within=60)
        following.send_signal(signal.SIGINT)
        status = following.wait(60)
        reader.join()

    assert status == DONE
    assert lines[-1]["to_status"] == "RECEIVED"


def test_namespace_and_context_are_taken_before_and_after_the_command_and_passed_on(cluster: Cluster) -> None:
    kubectl_leads("-n", "one", "--context", "east", "list", "-n", "two")

    for call in cluster.calls:
        assert {"--namespace=two", "--context=east"} <= set(call)
        assert "--namespace=one" not in call


def test_a_secret_of_ones_own_is_found_by_the_note_on_the_service(cluster: Cluster) -> None:
    cluster.services.clear()
    cluster.release("mine", token=VIEWER_TOKEN, secret="my-tokens", key="viewer-token")
    cluster.provide()

    assert kubectl_leads("list").status == DONE
    refused = kubectl_leads("replay", "--all", "--dry-run")
    assert (refused.status, "operator" in refused.error) == (NEGATIVE, True)


def test_of_several_releases_one_is_chosen(cluster: Cluster) -> None:
    cluster.release("blue", token="of another gateway")
    cluster.provide()

    unclear = kubectl_leads("list")
    assert (unclear.status, "--release: blue, lead-gateway" in unclear.error) == (USAGE, True)
    assert kubectl_leads("list", "--release", "lead-gateway").status == DONE
    wrong = kubectl_leads("list", "--release", "blue")
    assert (wrong.status, "does not know this token" in wrong.error) == (NEGATIVE, True)


def test_a_token_may_come_from_a_file(cluster: Cluster, tmp_path: Path) -> None:
    cluster.refused["secret"] = 'Error from server (Forbidden): secrets "lead-gateway-console" is forbidden'
    cluster.provide()
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")

    refused = kubectl_leads("list")
    assert (refused.status, "--token-file" in refused.error) == (NEGATIVE, True)
    assert kubectl_leads("list", "--token-file", file).status == DONE
    assert kubectl_leads("list", "--token-file", tmp_path / "nowhere").status == USAGE


def test_where_there_is_no_gateway_it_is_said_where_to_look(cluster: Cluster) -> None:
    cluster.services.clear()
    cluster.provide()

    called = kubectl_leads("list", "-n", "elsewhere")

    assert called.status == USAGE
    assert "no console of a Lead Gateway in namespace elsewhere" in called.error


@pytest.mark.parametrize(
    ("word", "said", "status", "remedy"),
    [
        ("get", "Error from server (Forbidden): services is forbidden", NEGATIVE, "Ask for a role"),
        ("get", "The connection to the server was refused", UNAVAILABLE, "get services"),
        ("port-forward", "error: unable to forward port because pod is not running", UNAVAILABLE, "pod ready?"),
    ],
)
def test_what_kubectl_refuses_is_told_with_the_remedy(
    cluster: Cluster, word: str, said: str, status: int, remedy: str
) -> None:
    cluster.refused[word] = said
    cluster.provide()

    called = kubectl_leads("list")

    assert called.status == status
    assert said in called.error
    assert remedy in called.error


def test_a_console_that_is_away_is_told(cluster: Cluster) -> None:
    cluster.port = 1
    cluster.provide()

    called = kubectl_leads("list")

    assert (called.status, "does not answer" in called.error) == (UNAVAILABLE, True)


def test_without_kubectl_it_is_said_where_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    called = kubectl_leads("list")

    assert (called.status, "kubernetes.io" in called.error) == (UNAVAILABLE, True)


def test_a_call_that_is_no_good_asks_no_cluster(cluster: Cluster) -> None:
    for arguments in (["list", "--email", "nobody"], ["replay"], ["stats", "--bucket", "soon"]):
        assert kubectl_leads(*arguments).status == USAGE

    assert not (cluster.folder / "calls").exists()
