"""`leadgateway migrate`: from an empty database to the schema, again and again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import structlog
from psycopg2.extensions import make_dsn

from leadgateway.dev.home import Home
from leadgateway.dev.postgres import SUPERUSER, EmbeddedPostgres
from tests.building.command_line import leadgateway
from tests.building.customer import Customer
from tests.building.pump import leads_in
from tests.building.webhook import LEAD, WebhookProcess
from tests.building.worker import WorkerProcess, publish_solar

DONE, USAGE, UNAVAILABLE = 0, 2, 3


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Undo what the command, which otherwise has a process of its own, does to this one's logs."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def runtime_role(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A role that may log in and nothing else; its name is its password. To be asked for before the database."""
    name = "gateway_runtime"
    with closing(psycopg2.connect(postgres_server.url_of("postgres", role=SUPERUSER))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
            yield name
            cursor.execute(f"DROP ROLE {name}")


def test_an_empty_database_gets_the_schema_and_a_second_call_changes_nothing(empty_database_url: str) -> None:
    environment = {"DATABASE_URL": empty_database_url}

    first, second = (leadgateway("migrate", environment=environment) for _ in range(2))

    assert (first.status, second.status) == (DONE, DONE)
    assert first.out == second.out
    assert first.out.startswith("The schema is current: revision ")
    assert leadgateway("lead", "show", "1", environment=environment).error == "error: There is no lead 1.\n"


def test_a_database_that_stays_away_is_told_after_the_wait() -> None:
    called = leadgateway("migrate", "--wait", "0", environment={"DATABASE_URL": "postgresql:///x?host=/nowhere"})

    assert called.status == UNAVAILABLE
    assert "/nowhere" in called.error


def test_the_wait_can_be_set_by_the_environment_and_is_not_negative() -> None:
    called = leadgateway("migrate", environment={"LEADGATEWAY_MIGRATE_WAIT_SECONDS": "-1"})

    assert called.status == USAGE
    assert "--wait" in called.error


def test_the_database_of_a_running_stack_is_found(tmp_path: Path, empty_database_url: str) -> None:
    stack = Home(tmp_path / "data")
    with stack.held():
        stack.write_environment({"DATABASE_URL": empty_database_url})

        called = leadgateway("migrate", "--data", str(tmp_path / "data"))

    assert called.status == DONE


def test_the_environment_goes_before_a_running_stack(tmp_path: Path, empty_database_url: str) -> None:
    stack = Home(tmp_path / "data")
    with stack.held():
        stack.write_environment({"DATABASE_URL": empty_database_url})

        called = leadgateway("migrate", "--wait=0", f"--data={stack.folder}", environment={"POSTGRES_HOST": "/nowhere"})

    assert called.status == UNAVAILABLE


def test_webhook_and_worker_run_as_a_role_that_was_granted_what_they_need(
    runtime_role: str, empty_database_url: str, valkey_url: str, tmp_path: Path
) -> None:
    called = leadgateway("migrate", "--grant", runtime_role, environment={"DATABASE_URL": empty_database_url})
    database = make_dsn(empty_database_url, user=runtime_role, password=runtime_role)

    assert called.status == DONE
    assert called.out.endswith("The role gateway_runtime may do what webhook and worker need.\n")
    with Customer() as customer, leads_in(database) as leads:
        publish_solar(tmp_path, customer.url)
        with (
            WebhookProcess(tmp_path, database=database, redis=valkey_url) as webhook,
            WorkerProcess(tmp_path, database=database, redis=valkey_url),
        ):
            answer = webhook.until_ready().client.post(f"{webhook.leads}solar", json=LEAD)
            assert answer.status_code == 200
            leads.until("DELIVERED", answer.json()["lead_id"])


def test_a_role_that_is_not_there_is_a_usage_error_that_says_how_to_make_it(database_url: str) -> None:
    called = leadgateway("migrate", environment={"DATABASE_URL": database_url, "LEADGATEWAY_MIGRATE_GRANT": "nobody"})

    assert called.status == USAGE
    assert "--grant" in called.error
    assert "CREATE ROLE" in called.error
