"""Pods of the previous release and of this one at work side by side, on a schema that is brought up under them.

What the previous release is stands in the file `previous_release`. It runs from the repository's own history, with the
dependencies of today and as the database role that it has in production.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from leadgateway.dev.postgres import SUPERUSER, EmbeddedPostgres
from leadgateway.settings import DatabaseSettings
from leadgateway.store import migrations
from leadgateway.store.migrations import migrate
from tests.building.customer import Answer, Behaviour, Customer, Received
from tests.building.earlier_release import NoSuchRevision, files_of, import_path, recorded_revision, unpack
from tests.building.routes import RouteToPublish, a_lead, a_spec, publish_routes
from tests.building.waiting import eventually
from tests.building.webhook import WebhookProcess
from tests.building.worker import WorkerProcess
from tests.chaos.audit.evidence import Evidence, Story, read_stories
from tests.chaos.audit.history import check_histories
from tests.chaos.records import RetryRule

PREVIOUS = recorded_revision(Path(__file__).with_name("previous_release"))
VERSIONS = "core/leadgateway/store/migrations/versions"
ROLE, PASSWORD = "rolling", "only for this test"
RETRIES = {"maxRetries": 3, "initialDelay": "100ms", "factor": 1, "maxDelay": "100ms"}
SOLAR = RetryRule(most=3, first_seconds=0.1, factor=1.0, longest_seconds=0.1)
DUPLICATES = {"deduplicate": {"fields": ["email"], "window": "24h"}}


@dataclass
class Upgrade:
    """The database, the servers beside it, and what leads were posted."""

    previous: dict[str, str]
    database: str
    owned: str
    redis: str
    config: Path
    customer: Customer
    bodies: dict[int, bytes] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def webhook(self, **environment: str) -> WebhookProcess:
        return WebhookProcess(self.config, database=self.database, redis=self.redis, **environment)

    def worker(self, **environment: str) -> WorkerProcess:
        variables = {"LEADGATEWAY_WORKER_SWEEP_SECONDS": "1"} | environment
        return WorkerProcess(self.config, database=self.database, redis=self.redis, **variables)

    def decide(self, request: Received) -> Behaviour:
        """The customer turns every lead of a `…/retried` street away once."""
        street = request.json["customer_street"]
        if street.endswith("retried") and street not in self.refused:
            self.refused.add(street)
            return Answer(500)
        return Answer(200)

    def post(self, webhook: WebhookProcess, street: str, **changes: object) -> int:
        lead = a_lead(email=f"{street}@example.com".replace("/", "-"), address={"zip": "66123", "street": street})
        body = json.dumps(lead | changes).encode()
        answer = httpx.post(webhook.leads, content=body, headers={"Content-Type": "application/json"}, timeout=30)
        assert answer.status_code == 200, f"{street}: {answer.status_code} {answer.text}\n{webhook.output}"
        assert answer.json()["status"] == "accepted"
        self.bodies[answer.json()["lead_id"]] = body
        return int(answer.json()["lead_id"])

    def deliver(self, webhook: WebhookProcess, worker: WorkerProcess, *, mark: str) -> None:
        """Send leads of each kind through a webhook and a worker, and see each come to its end by that worker."""
        delivered = [self.post(webhook, f"{mark}/{number}") for number in range(5)]
        retried = self.post(webhook, f"{mark}/retried")
        rejected = self.post(webhook, f"{mark}/tenant", house={"is_owner": False})
        repeat = httpx.post(webhook.leads, content=self.bodies[retried], headers={"Content-Type": "application/json"})
        assert repeat.json() | {"status": "duplicate", "lead_id": retried} == repeat.json()

        stories = self.until_at_rest([*delivered, retried, rejected], worker)

        for lead_id in delivered:
            assert path(stories[lead_id]) == ["RECEIVED", "READY", "DELIVERED"]
        assert path(stories[retried]) == ["RECEIVED", "READY", "FAILED", "READY", "DELIVERED"]
        assert path(stories[rejected]) == ["RECEIVED", "REJECTED"]

    def until_at_rest(self, lead_ids: list[int], worker: WorkerProcess) -> dict[int, Story]:
        waiting = f"SELECT 1 FROM lead_state WHERE lead_id IN {tuple(lead_ids)} AND due_at IS NOT NULL"
        eventually(
            lambda: not ask(self.owned, waiting),
            what=f"the end of leads {lead_ids}; the worker says {worker.output[-2000:]!r}; that",
        )
        return read_stories(self.owned)[0]

    def check_audit(self) -> None:
        """Every lead that was answered is there, byte for byte, with a legal history, and was received as it says."""
        stories, _ = read_stories(self.owned)
        assert {lead_id: story.body for lead_id, story in stories.items()} == self.bodies
        evidence = Evidence(stories, [], [], [], [], {"solar": SOLAR}, sweep_seconds=1, recovery_seconds=0)
        # That of time is not asked: a worker may have been starting
        findings = [found for found in check_histories(evidence) if "late" not in found.sentence]
        assert findings == []
        keys = [request.idempotency_key for request in self.customer.received]
        attempts = {story.rounds[1][0]: len(story.attempts) for story in stories.values() if story.rounds}
        assert {key: keys.count(key) for key in keys} == attempts


def ask(url: str, sql: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def path(story: Story) -> list[str]:
    return [step.after for step in story.steps]


@pytest.fixture
def previous(tmp_path: Path) -> dict[str, str]:
    """What has to be in the environment of a process to be one of the previous release."""
    folder = tmp_path / "previous"
    folder.mkdir()
    unpack(PREVIOUS, folder)
    return {"PYTHONPATH": import_path(folder)}


@pytest.fixture
def upgrade(
    previous: dict[str, str],
    postgres_server: EmbeddedPostgres,
    empty_database_url: str,
    valkey_url: str,
    tmp_path: Path,
) -> Iterator[Upgrade]:
    superuser = postgres_server.url_of(parse_dsn(empty_database_url)["dbname"], role=SUPERUSER)
    ask(superuser, f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
    with Customer() as customer:
        endpoint = {"url": customer.url, "allowPrivateNetworks": True}
        solar = a_spec(default=True, retry=RETRIES, endpoint=endpoint, source=DUPLICATES)
        publish_routes(tmp_path / "config", RouteToPublish("solar", solar))
        runtime = make_dsn(empty_database_url, user=ROLE, password=PASSWORD)
        found = Upgrade(previous, runtime, empty_database_url, valkey_url, tmp_path / "config", customer)
        customer.answer_by(found.decide)
        yield found
    ask(superuser, f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")


@pytest.mark.timeout(400)
def test_releases_work_side_by_side_while_and_after_the_schema_is_brought_up(upgrade: Upgrade) -> None:
    owner = DatabaseSettings(DATABASE_URL=upgrade.owned)
    install_previous(upgrade)
    with ExitStack() as running:
        old_webhook = running.enter_context(upgrade.webhook(**upgrade.previous)).until_ready()
        old_worker = running.enter_context(upgrade.worker(**upgrade.previous)).until_ready()
        upgrade.deliver(old_webhook, old_worker, mark="before")

        ask(upgrade.owned, f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {ROLE}")
        migrate(owner, grant_to=[ROLE])

        upgrade.deliver(old_webhook, old_worker, mark="old-to-old")
        new_webhook = running.enter_context(upgrade.webhook()).until_ready()
        upgrade.deliver(new_webhook, old_worker, mark="new-to-old")
        new_worker = running.enter_context(upgrade.worker()).until_ready()
        upgrade.deliver(new_webhook, new_worker, mark="all-together")
        assert old_worker.end() == 0
        upgrade.deliver(old_webhook, new_worker, mark="old-to-new")
        # Back to the previous release, which finds what this one has left
        assert new_worker.end() == 0
        again = running.enter_context(upgrade.worker(**upgrade.previous)).until_ready()
        upgrade.deliver(old_webhook, again, mark="back")
    upgrade.check_audit()


def install_previous(upgrade: Upgrade) -> None:
    """The schema of the previous release, made by itself."""
    command = [sys.executable, "-m", "leadgateway", "migrate"]
    environment = os.environ | upgrade.previous | {"DATABASE_URL": upgrade.owned}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
    version = newest(files_of(PREVIOUS, VERSIONS))
    assert ask(upgrade.owned, "SELECT version_num FROM alembic_version") == [(version,)], "something else has run"
    ask(upgrade.owned, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE}")
    ask(upgrade.owned, f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {ROLE}")


def newest(files: Iterable[str]) -> str:
    return max(name[:4] for name in files if name[:4].isdigit())


def test_the_previous_release_has_an_older_schema_and_its_migrations_were_not_edited_since() -> None:
    today = {path.name: path.read_bytes() for path in (Path(migrations.__file__).parent / "versions").glob("*.py")}
    then = files_of(PREVIOUS, VERSIONS)

    assert newest(then) < newest(today)
    assert {name: today.get(name) for name in then} == then


def test_a_clone_without_the_history_says_what_it_needs(tmp_path: Path) -> None:
    clone = tmp_path / "shallow"
    subprocess.run(["git", "init", "--quiet", str(clone)], check=True)

    with pytest.raises(NoSuchRevision, match=r"whole history \(git fetch --unshallow"):
        unpack(PREVIOUS, tmp_path / "previous", repository=clone)
