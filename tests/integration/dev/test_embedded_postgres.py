"""The embedded PostgreSQL: made, served, ended, found again, and never left behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.dev.server import AlreadyRunningError, StartError
from tests.building.accounts import as_ordinary_user, ordinary_user, owned_folder
from tests.building.waiting import eventually, gone


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_gateway_connects_as_a_role_that_is_no_superuser(empty_database_url: str) -> None:
    found = execute(empty_database_url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")

    assert found == [(False,)]


def test_a_wrong_password_is_refused(postgres_server: EmbeddedPostgres) -> None:
    url = postgres_server.url.replace("leadgateway:", "leadgateway:x", 1)

    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(url)


def test_nobody_is_trusted_not_even_the_account_it_runs_as(postgres_server: EmbeddedPostgres) -> None:
    rules = (postgres_server.folder / "cluster" / "pg_hba.conf").read_text().splitlines()

    methods = {line.split()[-1] for line in rules if line and not line.startswith("#")}

    assert methods == {"scram-sha-256"}


def test_it_listens_on_no_port_and_its_socket_is_in_a_closed_folder(postgres_server: EmbeddedPostgres) -> None:
    assert psutil.Process(postgres_server.pid).net_connections("inet") == []
    assert mode(postgres_server.folder / "run") == 0o700
    assert mode(postgres_server.folder / "password") == 0o600


def test_it_never_runs_as_root(postgres_server: EmbeddedPostgres) -> None:
    assert psutil.Process(postgres_server.pid).uids().effective == ordinary_user()[0]


def test_a_second_start_finds_the_data(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder / "postgres", durable=False) as server:
        execute(server.url, "CREATE TABLE kept AS SELECT 66123 AS zip")

    with EmbeddedPostgres(server_folder / "postgres", durable=False) as server:
        assert execute(server.url, "SELECT zip FROM kept") == [(66123,)]


def test_committed_rows_survive_sigkill(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder / "postgres", durable=False) as server:
        execute(server.url, "CREATE TABLE kept AS SELECT 66123 AS zip")
        os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: not server.running, what="the death of the server")

        server.start()

        assert execute(server.url, "SELECT zip FROM kept") == [(66123,)]


def test_stopping_closes_connections_that_are_open(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder / "postgres", durable=False).start()
    pid = server.pid

    with closing(psycopg2.connect(server.url)):
        server.stop()

    assert gone(pid)
    assert not server.running
    with pytest.raises(StartError, match="No PostgreSQL runs"):
        _ = server.pid


def test_starting_a_server_that_runs_changes_nothing(postgres_server: EmbeddedPostgres) -> None:
    pid = postgres_server.pid

    postgres_server.start()

    assert postgres_server.pid == pid


def test_data_that_another_server_serves_is_refused(postgres_server: EmbeddedPostgres) -> None:
    other = EmbeddedPostgres(postgres_server.folder, durable=False, orphan_patience=0.1)

    with pytest.raises(AlreadyRunningError, match="--data"):
        other.start()

    assert execute(postgres_server.url, "SELECT 1") == [(1,)]


def test_a_pid_file_whose_process_id_is_now_somebody_elses_is_no_obstacle(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder / "postgres", durable=False)
    with server:
        lines = (server.folder / "cluster" / "postmaster.pid").read_text().splitlines()
    stranger = subprocess.Popen(as_ordinary_user("sleep", "60"))
    try:
        stale = server.folder / "cluster" / "postmaster.pid"
        stale.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        os.chown(stale, *ordinary_user())

        with server:
            assert execute(server.url, "SELECT 1") == [(1,)]
    finally:
        stranger.kill()
        stranger.wait()


def test_a_start_that_fails_shows_the_end_of_the_log(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder / "postgres", durable=False)
    with server:
        pass
    (server.folder / "cluster" / "global" / "pg_control").unlink()

    with pytest.raises(StartError, match="could not find the database system"):
        server.start()

    assert not server.running


def test_an_initdb_that_was_interrupted_leaves_nothing_that_counts_as_a_cluster(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder / "postgres", durable=False)
    with server:
        pass
    (server.folder / "cluster").rename(server.folder / "cluster-0000")

    with server:
        assert execute(server.url, "SELECT 1") == [(1,)]
    assert not (server.folder / "cluster-0000").exists()


def test_a_folder_too_deep_for_a_socket_is_served_all_the_same(
    server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(server_folder))
    deep = server_folder / ("d" * 60) / ("e" * 60)

    with EmbeddedPostgres(deep / "postgres", durable=False) as server:
        assert execute(server.url, "SELECT 1") == [(1,)]


STARTER = """
import sys, time
from pathlib import Path
from leadgateway.dev.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False).start()
print(server.pid, flush=True)
time.sleep(60)
"""


def test_it_ends_when_the_process_that_started_it_is_killed(server_folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(server_folder / "postgres")], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())

        starter.kill()

    eventually(lambda: gone(pid), what="the end of the orphaned server")


def test_an_ordinary_user_runs_it_as_itself(server_folder: Path) -> None:
    folder = owned_folder(server_folder / "mine") / "postgres"
    with subprocess.Popen(
        as_ordinary_user(sys.executable, "-c", STARTER, str(folder)), stdout=subprocess.PIPE, text=True, cwd="/"
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        try:
            assert psutil.Process(pid).uids().effective == ordinary_user()[0]
        finally:
            starter.kill()
    eventually(lambda: gone(pid), what="the end of the orphaned server")


def test_root_serves_an_ordinary_users_data_as_that_user(server_folder: Path) -> None:
    folder = owned_folder(server_folder / "mine") / "postgres"

    with EmbeddedPostgres(folder, durable=False) as server:
        assert psutil.Process(server.pid).uids().effective == ordinary_user()[0]
