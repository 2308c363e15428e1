"""What waits in the database is told once, whatever the number of workers."""

from __future__ import annotations

from pathlib import Path

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.settings import DatabaseSettings
from leadgateway.store.migrations import migrate
from tests.building.customer import Answer, Customer
from tests.building.published_routes import publish_routes
from tests.building.pump import NOWHERE, Leads, a_manifest
from tests.building.waiting import eventually
from tests.building.worker import WorkerProcess, publish_solar

OFTEN = {"LEADGATEWAY_WORKER_BACKLOG_SECONDS": "0.1"}
EXPORTER = "leadgateway_backlog_exporter"


def due(route: str) -> str:
    return f'leadgateway_leads_due{{route="{route}"}}'


def waiting(route: str, status: str) -> str:
    return f'leadgateway_leads_waiting{{route="{route}",status="{status}"}}'


def test_each_route_is_told_with_what_waits_by_state_and_age(
    leads: Leads, database_url: str, customer: Customer, tmp_path: Path
) -> None:
    customer.answer_next(Answer(503))
    later = {"initialDelay": "1h", "maxDelay": "1h"}
    solar, idle = a_manifest(customer.url, retry=later), a_manifest(customer.url, name="idle")
    publish_routes(tmp_path, solar, idle, a_manifest(customer.url, name="paused", paused=True))
    leads.put(1)
    leads.put(2, route="default/paused")
    leads.put(3, route="default/deleted")

    with WorkerProcess(tmp_path, database=database_url, redis=NOWHERE, **OFTEN) as worker:
        eventually(lambda: worker.metric(waiting("default/solar", "FAILED")) == 1)
        assert worker.metric(due("default/solar")) == 0
        assert worker.metric('leadgateway_oldest_due_seconds{route="default/solar"}') == 0
        assert worker.metrics()[due("default/idle")] == 0
        assert worker.metric(waiting("default/paused", "RECEIVED")) == 2
        assert worker.metric(due("default/paused")) == 0
        assert worker.metric(due("default/deleted")) == 3
        eventually(lambda: worker.metric('leadgateway_oldest_due_seconds{route="default/deleted"}') > 1)
        assert worker.metric(EXPORTER) == 1
        assert 0 < worker.metric("leadgateway_backlog_query_seconds") < 5
        assert 0 < worker.metric("leadgateway_backlog_age_seconds") < 60
        assert worker.metric("leadgateway_database_server_connections_limit") > worker.metric(
            "leadgateway_database_server_connections"
        )
        assert worker.metric("leadgateway_database_server_connections") >= worker.metric(
            "leadgateway_database_connections"
        )


def test_one_worker_tells_and_another_takes_over_when_it_is_killed(database_url: str, tmp_path: Path) -> None:
    publish_solar(tmp_path, "http://127.0.0.1:1")
    one, two = (WorkerProcess(tmp_path, database=database_url, redis=NOWHERE, **OFTEN) for _ in range(2))
    with one, two:
        eventually(lambda: one.metric(EXPORTER) + two.metric(EXPORTER) == 1)
        holder, other = (one, two) if one.metric(EXPORTER) else (two, one)
        assert due("default/solar") not in other.metrics()

        holder.kill()

        eventually(lambda: other.metric(EXPORTER) == 1)
        assert due("default/solar") in other.metrics()


def test_counts_go_with_the_database_and_come_back_with_it(server_folder: Path, tmp_path: Path) -> None:
    publish_solar(tmp_path, "http://127.0.0.1:1")
    with EmbeddedPostgres(server_folder / "postgres") as server:
        migrate(DatabaseSettings(DATABASE_URL=server.url))
        with WorkerProcess(tmp_path, database=server.url, redis=NOWHERE, **OFTEN) as worker:
            eventually(lambda: worker.metric(EXPORTER) == 1)

            server.stop()
            eventually(lambda: worker.metric(EXPORTER) == 0)
            assert due("default/solar") not in worker.metrics()

            server.start()
            eventually(lambda: worker.metric(EXPORTER) == 1)
            assert due("default/solar") in worker.metrics()
