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
from tests.chaos import replication
from tests.chaos.customers import Customers
from tests.chaos.namespace import Namespace
from tests.chaos.processes import PRODUCT, GatewayProcess
from tests.chaos.proxy import Address, LoopThread, Proxy
from tests.chaos.records import Footprint
from tests.chaos.routes import TIMEOUT_SECONDS, RouteTable
from tests.chaos.small_disk import SmallDisk


@dataclass(frozen=True)
class StackSettings:
    """How the stack is set up.

    Attributes:
        sweep_seconds: Of the workers.
        lease_margin_seconds: Of the workers; short, so that what a dead one held comes back soon.
        standby: Whether PostgreSQL has a synchronous standby.
        small_disk: Whether PostgreSQL's data is on a disk that can be filled (needs root).
        namespace: Whether PostgreSQL and Valkey are behind a cable that can lose packets (needs root).
        entries: The programs that play a role in the product's place, by role.
    """

    sweep_seconds: float = 2.0
    lease_margin_seconds: float = 5.0
    standby: bool = False
    small_disk: bool = False
    namespace: bool = False
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
        self.disk = SmallDisk(folder / "disk")
        replicated = replication.SETTINGS if self.settings.standby else {}
        self.postgres = EmbeddedPostgres(folder / "disk" / "postgres", durable=False, settings=replicated)
        """The primary."""
        self.standby: EmbeddedPostgres | None = None
        self.valkey = EmbeddedValkey(folder / "valkey")
        self.namespace: Namespace | None = None
        self.links: dict[str, list[Proxy]] = {}
        """The network, by who is at the far end."""
        self._running = ExitStack()

    def __enter__(self) -> Self:
        try:
            servers = self._start_servers()
            self._start_gateway(servers)
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _start_servers(self) -> list[EmbeddedPostgres]:
        if self.settings.small_disk:
            self._running.enter_context(self.disk)
        if self.settings.namespace:
            self.namespace = self._running.enter_context(Namespace(self.folder))
        for part in (self.loop, self.customers, self.postgres, self.valkey):
            self._running.enter_context(part)
        migrate(DatabaseSettings(DATABASE_URL=self.postgres.url))
        if not self.settings.standby:
            return [self.postgres]
        self.standby = replication.start_standby(self.postgres, self.folder / "disk" / "standby")
        self._running.callback(self.standby.stop)
        return [self.postgres, self.standby]

    def _start_gateway(self, servers: Sequence[EmbeddedPostgres]) -> None:
        self._environment = self._describe(servers)
        self.routes = RouteTable(self.folder / "routes", self.customers.port)
        self.routes.publish()
        self.webhooks = [self._process("webhook", number) for number in (1, 2)]
        self.workers = [self._process("worker", number) for number in (1, 2)]
        self.balancer = self._proxy(
            "webhooks", lambda: [("127.0.0.1", one.port) for one in self.webhooks if one.port is not None]
        )
        for process in self.processes:
            process.until_ready()

    def _describe(self, servers: Sequence[EmbeddedPostgres]) -> dict[str, str]:
        """The environment of every process of the gateway."""
        valkey = socket_folder(self.valkey.folder, account_for(self.valkey.folder)) / "valkey.sock"
        return {
            "DATABASE_URL": self._database_url([self._server("PostgreSQL", socket_of(one)) for one in servers]),
            "REDIS_URL": self._redis_url(self._server("Valkey", str(valkey))),
            "LEADGATEWAY_CONFIG_DIR": str(self.folder / "routes"),
            "LEADGATEWAY_CONFIG_POLL_SECONDS": "0.2",
            "LEADGATEWAY_WEBHOOK_REPLICAS": "2",
            "LEADGATEWAY_WORKER_ALLOW_PRIVATE_NETWORKS": "true",
            "LEADGATEWAY_WORKER_SWEEP_SECONDS": str(self.settings.sweep_seconds),
            "LEADGATEWAY_WORKER_LEASE_MARGIN_SECONDS": str(self.settings.lease_margin_seconds),
        }

    @property
    def processes(self) -> list[GatewayProcess]:
        """All processes of the gateway itself."""
        return [*self.webhooks, *self.workers]

    def footprints(self) -> list[Footprint]:
        """What each process holds now."""
        return [process.footprint() for process in self.processes]

    def connections(self) -> int:
        """How many connections the gateway has to PostgreSQL."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'leadgateway%'"
        return int(self._ask(query))

    def connections_at_rest(self, *, most: int, seconds: float) -> int:
        """How many connections the gateway keeps: waits until there are no more than `most`, and not for ever.

        A server notices only after a while that a client behind a cut cable is gone, see docs/reliability.md.
        """
        deadline = time.monotonic() + seconds
        while (now := self.connections()) > most and time.monotonic() < deadline:
            time.sleep(0.2)
        return now

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

    def _proxy(self, name: str, targets: Callable[[], list[Address]], *, address: str = "127.0.0.1") -> Proxy:
        proxy = Proxy(self.loop, targets, address=address)
        self._running.callback(proxy.close)
        self.links.setdefault(name, []).append(proxy)
        return proxy

    def _server(self, name: str, path: str) -> str:
        """Let the gateway reach a server's Unix socket over the network; where, as `host:port`."""
        if self.namespace is None:
            return f"127.0.0.1:{self._proxy(name, lambda: [path]).port}"
        proxy = self._proxy(name, lambda: [path], address=self.namespace.host)
        self.namespace.relay(proxy.port, proxy.port)
        return f"{self.namespace.inside}:{proxy.port}"

    def _database_url(self, addresses: Sequence[str]) -> str:
        password = quote((self.postgres.folder / "password").read_text())
        primary = "?target_session_attrs=read-write" if self.settings.standby else ""
        return f"postgresql://{ROLE}:{password}@{','.join(addresses)}/{ROLE}{primary}"

    def _redis_url(self, address: str) -> str:
        return f"redis://:{quote((self.valkey.folder / 'password').read_text())}@{address}/0"

    def _process(self, role: str, number: int) -> GatewayProcess:
        process = GatewayProcess(
            role,
            name=f"{role}-{number}",
            folder=self.folder,
            environment=self._environment,
            entry=self.settings.entries.get(role, PRODUCT),
        )
        self._running.callback(process.end)
        process.start()
        return process


def socket_of(server: EmbeddedPostgres) -> str:
    """Where a PostgreSQL listens."""
    return str(socket_folder(server.folder, account_for(server.folder)) / ".s.PGSQL.5432")
