"""The development stack: which parts there are, in which order they start and end, and that they stay alive."""

from __future__ import annotations

import http.client
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from leadgateway.dev.demo_customer import TOKEN, TOKEN_VARIABLE
from leadgateway.dev.home import DATABASE_VARIABLES, REDIS_VARIABLES, Home, is_given
from leadgateway.dev.keeper import Keeper
from leadgateway.dev.options import Ports
from leadgateway.dev.part import Part, ProgramPart
from leadgateway.dev.ports import HOST
from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.dev.screen import Screen
from leadgateway.dev.server import StartError, last_lines
from leadgateway.dev.valkey import EmbeddedValkey
from leadgateway.settings import DatabaseSettings, load
from leadgateway.store.migrations import migrate

READY_SECONDS = 60.0
DATABASE_SECONDS = 5.0
"""How long a database that the environment names is waited for; our own is there already."""

POLL_SECONDS = 0.05
WEBHOOK_GRACE_SECONDS = 5.0
CONSOLE_GRACE_SECONDS = 2.0
WORKER_GRACE_SECONDS = 10.0
GRACE_MARGIN_SECONDS = 5.0
"""How much longer than the grace period a program is waited for before it is killed."""


class Stack:
    """All parts of one development stack. Used by one thread, the main one."""

    def __init__(self, home: Home, ports: Ports, environment: Mapping[str, str], screen: Screen) -> None:
        """Describe the stack; nothing is started.

        Args:
            home: Its data folder, held.
            ports: Where its parts listen.
            environment: What the person's own environment says; servers named there are used instead of ours.
            screen: Where the start is told.
        """
        self._home = home
        self._ports = ports
        self._screen = screen
        self._own_database = not is_given(DATABASE_VARIABLES, environment)
        self._own_redis = not is_given(REDIS_VARIABLES, environment)
        self.environment = dict(environment)
        self._servers: list[Keeper] = []
        self._programs: list[Keeper] = []

    def start_servers(self) -> None:
        """Start PostgreSQL and Valkey, unless the environment names others.

        Raises:
            StartError, AlreadyRunningError, UnreachableDataError, MissingServerError, NoAccountError: One didn't start.
        """
        found: dict[str, str] = {}
        if self._own_database:
            postgres = EmbeddedPostgres(self._home.servers() / "postgres")
            self._serve("PostgreSQL", postgres, str(postgres.folder))
            found["DATABASE_URL"] = postgres.url
        else:
            self._screen.started("PostgreSQL", "the one that DATABASE_URL or POSTGRES_* name")
        if self._own_redis:
            valkey = EmbeddedValkey(self._home.servers() / "valkey")
            self._serve("Valkey", valkey, str(valkey.folder))
            found["REDIS_URL"] = valkey.url
        else:
            self._screen.started("Redis", "the one that REDIS_URL names")
        self.environment |= found
        self._home.write_environment(found)

    def apply_migrations(self) -> None:
        """Bring the database's schema up to date.

        Raises:
            StoreError: The database refused, or is away.
        """
        revision = migrate(self.database, wait=timedelta(seconds=DATABASE_SECONDS))
        self._screen.started("schema", f"revision {revision}")

    @property
    def database(self) -> DatabaseSettings:
        """Where the leads are, once the servers have been started."""
        url = self.environment.get("DATABASE_URL")
        return load(DatabaseSettings, url=url or None)

    def start_programs(self, workers: int) -> None:
        """Start the demo customer, the webhook, the console and the workers, and wait until all of them work.

        Raises:
            StartError: One ended or didn't become ready; the message holds the end of its log.
        """
        ports = self._ports
        demo = self._program("demo customer", _module("leadgateway.dev.demo_customer", f"--port={ports.demo.number}"))
        webhook = self._program("webhook", _module("leadgateway", "webhook"))
        console = self._program("console", _module("leadgateway", "console"))
        crew = [
            self._program(
                f"worker {index}" if workers > 1 else "worker",
                _module("leadgateway", "worker"),
                LEADGATEWAY_WORKER_STATUS_PORT=str(port.number),
            )
            for index, port in enumerate(ports.worker_status, start=1)
        ]
        self._await_ready(demo, ports.demo.number, "/healthz", f"http://{HOST}:{ports.demo.number}")
        self._await_ready(webhook, ports.webhook_status.number, "/readyz", f"http://{HOST}:{ports.webhook.number}")
        self._await_ready(console, ports.console_status.number, "/readyz", f"http://{HOST}:{ports.console.number}")
        for worker, port in zip(crew, ports.worker_status, strict=True):
            self._await_ready(worker, port.number, "/readyz", f"status at http://{HOST}:{port.number}")

    def look(self, now: float) -> None:
        """Restart what has died; call it several times a second."""
        for keeper in (*self._servers, *self._programs):
            if event := keeper.look(now):
                self._screen.happened(event, self._log(keeper.part))

    def stop(self) -> None:
        """End the programs, all at the same time, and then the servers that they use."""
        parts = [keeper.part for keeper in reversed(self._programs)]
        for part in parts:
            if isinstance(part, ProgramPart):
                part.ask_to_end()
        for part in (*parts, *(keeper.part for keeper in reversed(self._servers))):
            part.stop()

    def kill_programs(self) -> None:
        """End the programs at once. The servers end cleanly in any case: that takes them a moment only."""
        for keeper in self._programs:
            if isinstance(keeper.part, ProgramPart):
                keeper.part.kill()

    def _serve(self, name: str, server: Part, detail: str) -> None:
        self._servers.append(Keeper(name, server))
        server.start()
        self._screen.started(name, detail)

    def _program(self, name: str, command: list[str], **variables: str) -> Keeper:
        """Start one of our programs."""
        part = ProgramPart(
            command,
            environment=self._program_environment() | variables,
            log=self._home.logs / f"{name.replace(' ', '-')}.log",
            grace=WORKER_GRACE_SECONDS + GRACE_MARGIN_SECONDS,
        )
        keeper = Keeper(name, part)
        self._programs.append(keeper)
        part.start()
        return keeper

    def _program_environment(self) -> dict[str, str]:
        """What our programs are told; what a person's environment says goes before our defaults."""
        defaults = {
            "LEADGATEWAY_LOG_FORMAT": "console",
            "LEADGATEWAY_WEBHOOK_GRACE_SECONDS": f"{WEBHOOK_GRACE_SECONDS:g}",
            "LEADGATEWAY_CONSOLE_GRACE_SECONDS": f"{CONSOLE_GRACE_SECONDS:g}",
            "LEADGATEWAY_WORKER_GRACE_SECONDS": f"{WORKER_GRACE_SECONDS:g}",
            # The demo customer is on this machine; in production the installation has to permit that.
            "LEADGATEWAY_WORKER_ALLOW_PRIVATE_NETWORKS": "true",
            TOKEN_VARIABLE: TOKEN,
        }
        ours = {
            "LEADGATEWAY_CONFIG_DIR": str(self._home.config.absolute()),
            "LEADGATEWAY_WEBHOOK_HOST": HOST,
            "LEADGATEWAY_WEBHOOK_PORT": str(self._ports.webhook.number),
            "LEADGATEWAY_WEBHOOK_STATUS_PORT": str(self._ports.webhook_status.number),
            "LEADGATEWAY_CONSOLE_HOST": HOST,
            "LEADGATEWAY_CONSOLE_PORT": str(self._ports.console.number),
            "LEADGATEWAY_CONSOLE_STATUS_PORT": str(self._ports.console_status.number),
            "LEADGATEWAY_STATUS_HOST": HOST,
        }
        return defaults | self.environment | ours

    def _await_ready(self, keeper: Keeper, port: int, path: str, detail: str) -> None:
        """Wait until a program says at its port that it works."""
        log = self._log(keeper.part)
        deadline = time.monotonic() + READY_SECONDS
        while not answers_well(port, path):
            if not keeper.part.running:
                raise StartError(f"The {keeper.name} ended while starting.\n{last_lines(log) if log else ''}")
            if time.monotonic() > deadline:
                raise StartError(f"The {keeper.name} isn't ready.\n{last_lines(log) if log else ''}")
            time.sleep(POLL_SECONDS)
        self._screen.started(keeper.name, detail)

    def _log(self, part: Part) -> Path | None:
        return part.log if isinstance(part, ProgramPart) else None


def answers_well(port: int, path: str) -> bool:
    """Whether a GET on this machine is answered with 200. Never by way of a proxy."""
    connection = http.client.HTTPConnection(HOST, port, timeout=1.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _module(name: str, *arguments: str) -> list[str]:
    """The command that runs an installed module, never one of that name in the working directory (-P)."""
    return [sys.executable, "-P", "-m", name, *arguments]
