"""Lead Gateway as it is installed: PostgreSQL and Valkey with their default durability, one webhook, some workers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import yaml

from bench.bytecode import as_in_the_image
from bench.processes import Receiver, answers, await_ready, free_port, receiving, started
from bench.scenarios import Setup
from bench.system import POSTGRESQL, VALKEY, WEBHOOK, WORKER
from leadgateway.dev.postgres import SUPERUSER, EmbeddedPostgres
from leadgateway.dev.route_folder import RouteFolder
from leadgateway.dev.valkey import EmbeddedValkey

NAME = "Lead Gateway"
_NEVER_SECONDS = 3600.0
_SEARCHABLE_SECONDS = 60.0
_SEARCHABLE = (
    "SELECT coalesce(lead_id = (SELECT max(lead_id) FROM inbound_lead), true)"
    " FROM (SELECT max(lead_id) FROM lead_search) AS newest (lead_id)"
)
_COMMAND = [sys.executable, "-m", "leadgateway"]


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, see `bench.system.System`."""

    folder: Path
    port: int
    paths: list[str]
    receiver: Receiver
    database_url: str
    superuser_url: str
    valkey_url: str
    environment: dict[str, str]
    workers: int
    dead_path: str | None = None
    dead_route: str | None = None
    pids: dict[str, list[int]] = field(default_factory=dict)

    @contextmanager
    def working(self) -> Iterator[None]:
        with ExitStack() as parts:
            self.pids[WORKER] = [parts.enter_context(self._role("worker", [])) for _ in range(self.workers)]
            try:
                yield
            finally:
                del self.pids[WORKER]

    def await_rest(self) -> None:
        """Wait until every lead can be searched for."""
        end = time.monotonic() + _SEARCHABLE_SECONDS
        with closing(psycopg2.connect(self.database_url)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while time.monotonic() < end:
                cursor.execute(_SEARCHABLE)
                if cursor.fetchall() == [(True,)]:
                    return
                time.sleep(0.1)
        raise TimeoutError(f"not every lead could be searched for after {_SEARCHABLE_SECONDS:.0f} s")

    @contextmanager
    def taking_posts(self) -> Iterator[None]:
        """Run the webhook."""
        with self._role("webhook", ["--port", str(self.port)]) as pid:
            self.pids[WEBHOOK] = [pid]
            yield

    @contextmanager
    def _role(self, role: str, options: list[str]) -> Iterator[int]:
        status_port, log = free_port(), self.folder / f"{role}.log"
        command = [*_COMMAND, role, *options, "--status-port", str(status_port)]
        environment = {**self.environment, **as_in_the_image()}
        with started(command, log=log, environment=environment) as process:
            await_ready(lambda: answers(f"http://127.0.0.1:{status_port}/readyz"), process, log)
            yield process.pid


@contextmanager
def gateway(folder: Path, setup: Setup) -> Iterator[Gateway]:
    """Start everything but the workers, in an empty folder."""
    with ExitStack() as parts:
        postgres = parts.enter_context(EmbeddedPostgres(folder / "postgres"))
        valkey = parts.enter_context(EmbeddedValkey(folder / "valkey"))
        receiver = parts.enter_context(receiving(setup.delay))
        dead = parts.enter_context(receiving(_NEVER_SECONDS)) if setup.dead else None
        ports = [receiver.port] * setup.routes if dead is None else [*[receiver.port] * (setup.routes - 1), dead.port]
        environment = os.environ | {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "LEADGATEWAY_CONFIG_DIR": str(_published(folder, setup, ports)),
            "LEADGATEWAY_WORKER_ALLOW_PRIVATE_NETWORKS": "true",
            **setup.environment,
        }
        subprocess.run([*_COMMAND, "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
        names = [f"route-{number}" for number in range(setup.routes)]
        last = names.pop() if setup.dead else None
        system = Gateway(
            folder=folder,
            port=free_port(),
            paths=[f"/webhooks/leads/{name}" for name in names],
            dead_path=last and f"/webhooks/leads/{last}",
            dead_route=last and f"default/{last}",
            receiver=receiver,
            database_url=postgres.url,
            superuser_url=postgres.url_of(SUPERUSER, role=SUPERUSER),
            valkey_url=valkey.url,
            environment=environment,
            workers=setup.workers,
            pids={POSTGRESQL: [postgres.pid], VALKEY: [valkey.pid]},
        )
        parts.enter_context(system.taking_posts())
        yield system


def _published(folder: Path, setup: Setup, ports: Sequence[int]) -> Path:
    """Write the routes, and compile them as the operator would."""
    routes, config = folder / "routes", folder / "config"
    routes.mkdir()
    documents = [_route(number, setup, port) for number, port in enumerate(ports)]
    (routes / "routes.yaml").write_text(yaml.safe_dump_all(documents))
    refreshed = RouteFolder(routes, config, fingerprint_key=b"bench").refresh()
    assert refreshed is not None
    assert not refreshed.problems, refreshed.problems
    return config


def _route(number: int, setup: Setup, receiver_port: int) -> dict[str, object]:
    """A route like the sample one: its rules and mapping, delivered to the receiver."""
    return {
        "apiVersion": "leadgateway.io/v1alpha1",
        "kind": "LeadRoute",
        "metadata": {"name": f"route-{number}"},
        "spec": {
            "validation": {
                "rules": [
                    {"code": "MISSING_REQUIRED_FIELD", "required": ["address.zip", "house.is_owner"]},
                    {"code": "ZIP_NOT_66XXX", "field": "address.zip", "matches": r"^66\d{3}$"},
                    {"code": "NOT_HOMEOWNER", "field": "house.is_owner", "equals": True},
                ]
            },
            "mapping": {
                "customer_email": {"from": "email"},
                "customer_zip": {"from": "address.zip"},
                "customer_street": {"from": "address.street"},
                "is_homeowner": {"from": "house.is_owner", "type": "boolean"},
                "phone": {"from": "phone", "required": True},
                "product.name": {"value": "Solaranlage", "required": True},
            },
            "endpoint": {
                "url": f"http://127.0.0.1:{receiver_port}/lead/receive",
                "concurrency": setup.concurrency,
                "allowPrivateNetworks": True,
            },
        },
    }
