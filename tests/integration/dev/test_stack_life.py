"""`leadgateway dev` from its start to its end, by whichever user and however it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from leadgateway.dev.ports import HOST
from tests.building.accounts import as_ordinary_user, ordinary_user, owned_folder
from tests.building.dev_stack import EXIT_CANT_START, EXIT_USAGE, LEAD, DevStack, clean_environment, run_dev
from tests.building.waiting import eventually, gone


def descendants(stack: DevStack) -> list[psutil.Process]:
    return psutil.Process(stack.process.pid).children(recursive=True)


def story(stack: DevStack, lead_id: int) -> dict[str, Any]:
    """What `leadgateway lead show` prints, without being told where the database is."""
    command = ["leadgateway", "lead", "show", str(lead_id), "-o", "json", f"--data={stack.data}"]
    shown = subprocess.run(
        [sys.executable, "-P", "-m", *command], env=clean_environment(), capture_output=True, text=True, check=True
    )
    found = json.loads(shown.stdout)
    assert isinstance(found, dict)
    return found


def all_gone(processes: list[psutil.Process]) -> bool:
    return all(gone(process.pid) for process in processes)


def test_three_leads_travel_and_a_stack_that_is_killed_is_found_again_and_ends_with_ctrl_c(
    server_folder: Path,
) -> None:
    with DevStack(server_folder / "data", "--workers=2") as stack:
        first_parts = descendants(stack)

        for step in ("RECEIVED", "READY", "DELIVERED", "REJECTED            NOT_HOMEOWNER", "FAILED", "attempt 3"):
            assert step in stack.output
        assert [each["answer"] for each in stack.received()] == [200, 500, 500, 200]
        assert "worker 2" in stack.output
        assert [attempt["response_status"] for attempt in story(stack, 3)["attempts"]] == [500, 500, 200]
        stack.process.kill()

    with DevStack(server_folder / "data", "--no-demo") as again:
        parts = descendants(again)
        assert again.status(1) == "DELIVERED"
        assert again.post() > 3
        assert "travelling" not in again.output
        eventually(lambda: all_gone(first_parts), what="the end of all orphans")

        assert again.end(signal.SIGINT) == 0

    assert all_gone(parts)
    assert "Ended. The data stays" in again.output


def test_a_second_ctrl_c_does_not_wait_for_what_is_in_flight(server_folder: Path) -> None:
    with DevStack(server_folder / "data", "--no-demo") as stack:
        slow = stack.post(LEAD | {"address": {"zip": "66123", "street": "slow-9-seconds"}})
        eventually(lambda: stack.status(slow) == "READY", what="the delivery in flight")
        began = time.monotonic()
        stack.process.send_signal(signal.SIGINT)
        stack.until_said("Ending everything")

        assert stack.end(signal.SIGINT) == 0

    assert time.monotonic() - began < 8


def test_a_closed_terminal_ends_it_even_while_it_starts(server_folder: Path) -> None:
    stack = DevStack(server_folder / "data").start()
    stack.until_said("PostgreSQL")
    parts = descendants(stack)

    assert stack.end(signal.SIGHUP) == 0

    eventually(lambda: all_gone(parts), what="the end of a part that was just being started")


def test_an_ordinary_user_needs_nothing_else(server_folder: Path) -> None:
    data = owned_folder(server_folder / "mine") / "data"

    with DevStack(data, "--no-demo", prefix=as_ordinary_user()) as stack:
        users = {process.uids().effective for process in descendants(stack)}
        listening = {
            connection.laddr[0]
            for process in descendants(stack)
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }

    assert users == {ordinary_user()[0]}
    assert listening == {HOST}
    assert {path.stat().st_uid for path in data.rglob("*")} == {ordinary_user()[0]}


def test_data_behind_a_closed_folder_is_served_from_where_the_servers_may_be(server_folder: Path) -> None:
    closed = server_folder / "closed"
    closed.mkdir(mode=0o700)

    with DevStack(closed / "data", "--no-demo") as stack:
        database = stack.parts()["postgres"]
        assert database.uids().effective == ordinary_user()[0]
        place = (closed / "data" / "servers").resolve()
        assert Path(database.cwd()) == place / "postgres" / "cluster"
    assert closed.stat().st_mode & 0o777 == 0o700
    if os.geteuid() == 0:
        subprocess.run(["rm", "-rf", str(place)], check=True)


def test_servers_that_the_environment_names_are_used_instead(
    server_folder: Path, empty_database_url: str, valkey_url: str
) -> None:
    environment = {"DATABASE_URL": empty_database_url, "REDIS_URL": valkey_url}

    with DevStack(server_folder / "data", "--no-demo", environment=environment) as stack:
        assert "the one that DATABASE_URL or POSTGRES_* name" in stack.output
        assert "the one that REDIS_URL names" in stack.output
        assert not {"postgres", "valkey-server"} & stack.parts().keys()
        stack.post()
        eventually(lambda: [each["answer"] for each in stack.received()] == [200], what="the delivery")

    assert not (server_folder / "data" / "servers").exists()


def test_taken_ports_are_all_named_with_the_way_out_and_nothing_is_started(server_folder: Path) -> None:
    with socket.create_server((HOST, 0)) as one, socket.create_server((HOST, 0)) as two:
        webhook, demo = one.getsockname()[1], two.getsockname()[1]

        refused = run_dev(server_folder / "data", f"--port={webhook}", LEADGATEWAY_DEMO_PORT=str(demo))

    assert refused.returncode == EXIT_CANT_START
    assert f"Port {webhook} (webhook) is taken by process {os.getpid()}" in refused.stderr
    assert "--port PORT" in refused.stderr
    assert f"Port {demo} (demo customer) is taken" in refused.stderr
    assert "--demo-port PORT" in refused.stderr
    assert not (server_folder / "data" / "servers").exists()


def test_a_part_that_can_not_start_is_told_with_the_end_of_its_log_and_everything_ends(server_folder: Path) -> None:
    stack = DevStack(server_folder / "data", environment={"LEADGATEWAY_WEBHOOK_MAX_BODY_BYTES": "none"}).start()

    status = stack.process.wait(60)
    stack.end()

    assert status == EXIT_CANT_START
    assert "The webhook ended while starting." in stack.output
    assert "LEADGATEWAY_WEBHOOK_MAX_BODY_BYTES" in stack.output


def test_a_database_that_can_not_be_reached_is_told(server_folder: Path) -> None:
    refused = run_dev(server_folder / "data", "--port=0", DATABASE_URL="postgresql:///x?host=/nowhere")

    assert refused.returncode == EXIT_CANT_START
    assert "/nowhere" in refused.stderr


def test_a_folder_of_routes_that_is_none_is_a_usage_error(server_folder: Path) -> None:
    assert run_dev(server_folder / "data", "--routes=/nowhere").returncode == EXIT_USAGE


def test_a_data_folder_that_can_not_be_used_is_told_in_a_sentence(server_folder: Path) -> None:
    (server_folder / "data").mkdir(mode=0o700)
    (server_folder / "data" / "lock").mkdir()  # nobody can open it as a file, root included

    refused = run_dev(server_folder / "data")

    assert refused.returncode == EXIT_CANT_START
    assert f"{server_folder / 'data' / 'lock'}: Is a directory." in refused.stderr
    assert "Traceback" not in refused.stderr
