"""The embedded Valkey: served behind a password, ended, found again, and never left behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from leadgateway.dev.server import AlreadyRunningError, StartError
from leadgateway.dev.valkey import EmbeddedValkey
from tests.building.accounts import ordinary_user
from tests.building.waiting import eventually, gone


def connect(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0))


def test_each_test_has_an_empty_one(valkey_url: str) -> None:
    with connect(valkey_url) as client:
        assert client.dbsize() == 0


def test_without_the_password_it_answers_nothing(valkey_server: EmbeddedValkey) -> None:
    path = valkey_server.folder / "run" / "valkey.sock"

    with (
        redis.Redis(unix_socket_path=str(path), retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(redis.exceptions.AuthenticationError),
    ):
        client.get("a")


def test_it_listens_on_no_port_and_no_command_line_shows_the_password(valkey_server: EmbeddedValkey) -> None:
    process = psutil.Process(valkey_server.pid)

    assert process.net_connections("inet") == []
    assert (valkey_server.folder / "password").read_text() not in " ".join(process.cmdline())
    assert stat.S_IMODE((valkey_server.folder / "valkey.conf").stat().st_mode) == 0o600


def test_it_never_runs_as_root(valkey_server: EmbeddedValkey) -> None:
    assert psutil.Process(valkey_server.pid).uids().effective == ordinary_user()[0]


def test_a_second_start_finds_the_data(server_folder: Path) -> None:
    with EmbeddedValkey(server_folder / "valkey") as server, connect(server.url) as client:
        client.set("kept", "66123")

    with EmbeddedValkey(server_folder / "valkey") as server, connect(server.url) as client:
        assert client.get("kept") == b"66123"


def test_it_starts_again_at_the_same_place_after_sigkill(server_folder: Path) -> None:
    with EmbeddedValkey(server_folder / "valkey", durable=False) as server:
        url = server.url
        os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: not server.running, what="the death of the server")

        server.start()

        assert server.url == url
        with connect(url) as client:
            assert client.ping()


def test_data_that_another_server_serves_is_refused(valkey_server: EmbeddedValkey) -> None:
    other = EmbeddedValkey(valkey_server.folder, orphan_patience=0.1)

    with pytest.raises(AlreadyRunningError, match="--data"):
        other.start()


def test_a_start_that_fails_shows_the_end_of_the_log(server_folder: Path) -> None:
    server = EmbeddedValkey(server_folder / "valkey")
    with server, connect(server.url) as client:
        client.set("kept", "66123")
    (server.folder / "dump.rdb").write_bytes(b"REDIS0011 this is no dump")

    with pytest.raises(StartError, match="The end of"):
        server.start()

    assert not server.running


def test_a_server_that_was_not_started_has_no_process_id(server_folder: Path) -> None:
    server = EmbeddedValkey(server_folder / "valkey")

    with pytest.raises(StartError, match="No Valkey runs"):
        _ = server.pid


STARTER = """
import sys, time
from pathlib import Path
from leadgateway.dev.valkey import EmbeddedValkey
server = EmbeddedValkey(Path(sys.argv[1])).start()
print(server.pid, flush=True)
time.sleep(60)
"""


def test_it_ends_when_the_process_that_started_it_is_killed(server_folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(server_folder / "valkey")], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())

        starter.kill()

    eventually(lambda: gone(pid), what="the end of the orphaned server")
