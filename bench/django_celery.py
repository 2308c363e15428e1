"""Starts the baseline: gunicorn, Celery's prefork worker, and the same PostgreSQL and Valkey that the gateway gets."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from psycopg2.extensions import parse_dsn

from bench.processes import Receiver, answers, await_ready, free_port, receiving, started
from bench.scenarios import Setup
from bench.system import POSTGRESQL, VALKEY, WEBHOOK, WORKER
from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.dev.valkey import EmbeddedValkey

NAME = "Django + Celery"
_SERVICE = Path(__file__).parent / "baseline/service"
_PYTHON = Path(__file__).parents[1] / ".venv-baseline/bin/python"
# Tried on two processors: more of either cost more than they brought.
_WEB_PROCESSES, _WEB_THREADS = 2, 8
_TASK_PROCESSES = 8


class NotInstalled(Exception):
    """The baseline's packages are not there: `scripts/setup-baseline` installs them."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The running service, see `bench.system.System`."""

    folder: Path
    port: int
    receiver: Receiver
    database_url: str
    valkey_url: str
    environment: dict[str, str]
    paths: tuple[str, ...] = ("/webhooks/leads/",)
    dead_path: None = None
    dead_route: None = None
    pids: dict[str, list[int]] = field(default_factory=dict)

    @contextmanager
    def working(self) -> Iterator[None]:
        ready, log = self.folder / "celery-is-ready", self.folder / "celery.log"
        ready.unlink(missing_ok=True)
        options = ["--concurrency", str(_TASK_PROCESSES), "--loglevel", "WARNING", "-O", "fair"]
        with self._running(["celery", "--app", "queueing", "worker", *options], log) as process:
            await_ready(ready.exists, process, log)
            self.pids[WORKER] = [process.pid]
            yield
            del self.pids[WORKER]

    def await_rest(self) -> None:
        """Nothing is: a lead is done with its task."""

    @contextmanager
    def taking_posts(self) -> Iterator[None]:
        """Run gunicorn."""
        log = self.folder / "gunicorn.log"
        options = [
            "--bind", f"127.0.0.1:{self.port}",
            "--worker-class", "gthread",
            "--workers", str(_WEB_PROCESSES),
            "--threads", str(_WEB_THREADS),
            "--keep-alive", "75",
        ]  # fmt: skip
        with self._running(["gunicorn", *options, "wsgi:application"], log) as process:
            await_ready(lambda: answers(f"http://127.0.0.1:{self.port}/health/"), process, log)
            self.pids[WEBHOOK] = [process.pid]
            yield

    @contextmanager
    def _running(self, module: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
        command = [str(_PYTHON), "-m", *module]
        with started(command, log=log, environment=self.environment, folder=_SERVICE) as process:
            yield process


@contextmanager
def baseline(folder: Path, setup: Setup) -> Iterator[Baseline]:
    """Start everything but Celery's worker, in an empty folder.

    Raises:
        NotInstalled: Its packages are not there.
    """
    if not _PYTHON.exists():
        raise NotInstalled("the baseline's packages are not installed: run scripts/setup-baseline")
    with ExitStack() as parts:
        postgres = parts.enter_context(EmbeddedPostgres(folder / "postgres"))
        valkey = parts.enter_context(EmbeddedValkey(folder / "valkey"))
        receiver = parts.enter_context(receiving(setup.delay))
        database = parse_dsn(postgres.url)
        environment = os.environ | {
            "POSTGRES_HOST": database["host"],
            "POSTGRES_DB": database["dbname"],
            "POSTGRES_USER": database["user"],
            "POSTGRES_PASSWORD": database["password"],
            "CELERY_BROKER_URL": valkey.url.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host="),
            "CUSTOMER_API_URL": f"http://127.0.0.1:{receiver.port}/lead/receive",
            "BASELINE_SECRET_KEY": secrets.token_hex(),
            "BASELINE_READY_FILE": str(folder / "celery-is-ready"),
        }
        migrate = [str(_PYTHON), "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, cwd=_SERVICE, env=environment, check=True)
        pids = {POSTGRESQL: [postgres.pid], VALKEY: [valkey.pid]}
        system = Baseline(folder, free_port(), receiver, postgres.url, valkey.url, environment, pids=pids)
        parts.enter_context(system.taking_posts())
        yield system
