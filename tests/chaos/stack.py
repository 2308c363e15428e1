"""The whole gateway in real processes: two webhooks behind a balancer, two workers, PostgreSQL, Valkey, customers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg2

from leadgateway.dev.account import account_for
from leadgateway.dev.postgres import ROLE, EmbeddedPostgres
from leadgateway.dev.sockets import socket_folder
from leadgateway.dev.valkey import EmbeddedValkey
from leadgateway.settings import DatabaseSettings
from leadgateway.store.migrations import migrate
from tests.chaos.customers import Customers
from tests.chaos.processes import PRODUCT, GatewayProcess
from tests.chaos.proxy import Address, LoopThread, Proxy
from tests.chaos.records import Footprint
from tests.chaos.routes import TIMEOUT_SECONDS, RouteTable


@dataclass(frozen=True)
class StackSettings:
    """How the stack is set up.

    Attributes:
        sweep_seconds: Of the workers.
        lease_margin_seconds: Of the workers; short, so that what a dead one held comes back soon.
        entries: The programs that play a role in the product's place, by role.
    """

    sweep_seconds: float = 2.0
    lease_margin_seconds: float = 5.0
    entries: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def recovery_seconds(self) -> float:
        """Seconds after a fault until at the latest everything is as before.

        What a dead worker held waits for the end of its lease and a sweep, parts that were away are looked for every
        five seconds, processes take a few seconds to start, and leads that had to wait come all at once.
        """
        return TIMEOUT_SECONDS + self.lease_margin_seconds + self.sweep_seconds * 1.25 + 15.0


class Stack:
    """Enter it in the main thread: everything runs and is ready then."""

    def __init__(self, folder: Path, settings: StackSettings | None = None) -> None:
        """Describe it.

        Args:
            folder: For data, routes and logs; the account that servers run as must be able to pass through it.
            settings: How it is set up.
        """
        self.folder = folder
        self.settings = settings or StackSettings()
        self.loop = LoopThread()
        self.customers = Customers()
        self.postgres = EmbeddedPostgres(folder / "postgres", durable=False)
        self.valkey = EmbeddedValkey(folder / "valkey")
        self._running = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _start(self) -> None:
        for part in (self.loop, self.customers, self.postgres, self.valkey):
            self._running.enter_context(part)
        migrate(DatabaseSettings(DATABASE_URL=self.postgres.url))
        self.to_postgres = self._proxy(lambda: [_postgres_socket(self.postgres)])
        self.to_valkey = self._proxy(lambda: [_valkey_socket(self.valkey)])
        self.routes = RouteTable(self.folder / "routes", self.customers.port)
        self.routes.publish()
        self.webhooks = [self._process("webhook", number) for number in (1, 2)]
        self.workers = [self._process("worker", number) for number in (1, 2)]
        self.balancer = self._proxy(lambda: [("127.0.0.1", one.port) for one in self.webhooks if one.port is not None])
        for process in self.processes:
            process.until_ready()

    @property
    def processes(self) -> list[GatewayProcess]:
        """All processes of the gateway itself."""
        return [*self.webhooks, *self.workers]

    def footprints(self) -> list[Footprint]:
        """What each process holds now."""
        return [process.footprint() for process in self.processes]

    def connections(self) -> int:
        """How many connections the gateway has to PostgreSQL."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'leadgateway%%'"
        return int(self._ask(query))

    def until_settled(self, *, seconds: float) -> bool:
        """Wait until every lead has come to an end; tell whether that was so in time."""
        deadline = time.monotonic() + seconds
        while self._ask("SELECT count(*) FROM lead_state WHERE due_at IS NOT NULL"):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def _ask(self, query: str) -> int:
        with closing(psycopg2.connect(self.postgres.url)) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            found = cursor.fetchone()
            assert found is not None
            return int(found[0])

    def _proxy(self, targets: Callable[[], list[Address]]) -> Proxy:
        proxy = Proxy(self.loop, targets)
        self._running.callback(proxy.close)
        return proxy

    def _process(self, role: str, number: int) -> GatewayProcess:
        process = GatewayProcess(
            role,
            name=f"{role}-{number}",
            folder=self.folder,
            environment=self._environment(),
            entry=self.settings.entries.get(role, PRODUCT),
        )
        self._running.callback(process.end)
        process.start()
        return process

    def _environment(self) -> dict[str, str]:
        password = (self.postgres.folder / "password").read_text()
        valkey_password = (self.valkey.folder / "password").read_text()
        return {
            "DATABASE_URL": f"postgresql://{ROLE}:{quote(password)}@127.0.0.1:{self.to_postgres.port}/{ROLE}",
            "REDIS_URL": f"redis://:{quote(valkey_password)}@127.0.0.1:{self.to_valkey.port}/0",
            "LEADGATEWAY_CONFIG_DIR": str(self.folder / "routes"),
            "LEADGATEWAY_CONFIG_POLL_SECONDS": "0.2",
            "LEADGATEWAY_WEBHOOK_REPLICAS": "2",
            "LEADGATEWAY_WORKER_ALLOW_PRIVATE_NETWORKS": "true",
            "LEADGATEWAY_WORKER_SWEEP_SECONDS": str(self.settings.sweep_seconds),
            "LEADGATEWAY_WORKER_LEASE_MARGIN_SECONDS": str(self.settings.lease_margin_seconds),
        }


def _postgres_socket(server: EmbeddedPostgres) -> str:
    return str(socket_folder(server.folder, account_for(server.folder)) / ".s.PGSQL.5432")


def _valkey_socket(server: EmbeddedValkey) -> str:
    return str(socket_folder(server.folder, account_for(server.folder)) / "valkey.sock")
