"""The worker as a process, on real servers: signals, death, outages, and the wake-ups."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import httpx
import redis
from rq import Callback, Queue
from rq.serializers import JSONSerializer

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.dev.valkey import EmbeddedValkey
from leadgateway.queue import QUEUE_NAME, Bell, connect
from leadgateway.route.directory import publish
from leadgateway.route.shard import PublishedRoute, render
from leadgateway.route.snapshot import Credentials
from leadgateway.settings import DatabaseSettings, RedisSettings
from leadgateway.store.migrations import migrate
from tests.building.customer import Answer, Customer, Silence
from tests.building.pump import NOWHERE, Leads, a_manifest, leads_in
from tests.building.waiting import eventually
from tests.building.worker import WorkerProcess, publish_routes, publish_solar


def ring(redis_url: str) -> None:
    """Wake a worker as the webhook does."""
    connection = connect(RedisSettings(REDIS_URL=redis_url))
    assert Bell(connection).ring()
    connection.close()


def test_a_wake_up_brings_a_lead_on_its_way_at_once(
    leads: Leads, database_url: str, valkey_url: str, customer: Customer, tmp_path: Path
) -> None:
    publish_solar(tmp_path, customer.url)
    with WorkerProcess(tmp_path, database=database_url, redis=valkey_url).until_ready().until_listening() as worker:
        for number in range(1, 4):
            lead_id = leads.put_one()
            began = time.monotonic()
            ring(valkey_url)
            leads.until("DELIVERED", lead_id)
            assert time.monotonic() - began < 3
            # The pump may have looked by itself: then it has no need of the wake-up for a moment.
            eventually(lambda: worker.metric("leadgateway_wakeups_received_total") >= number)  # noqa: B023 - awaited

        assert worker.end() == 0
    assert "Traceback" not in worker.output


def test_a_steady_flow_needs_no_wake_up_a_lead_and_the_first_lead_after_it_gets_one_at_once(
    leads: Leads, database_url: str, valkey_url: str, customer: Customer, tmp_path: Path
) -> None:
    publish_solar(tmp_path, customer.url)
    with WorkerProcess(tmp_path, database=database_url, redis=valkey_url).until_ready().until_listening() as worker:

        def steady_flow() -> bool:
            before = worker.metric("leadgateway_wakeups_received_total")
            for _ in range(150):
                leads.put_one()
                ring(valkey_url)
                time.sleep(0.01)  # the rate of the flow
            return worker.metric("leadgateway_wakeups_received_total") - before < 15

        def single_lead() -> bool:
            time.sleep(0.5)  # the pause after the flow
            lead_id = leads.put_one()
            began = time.monotonic()
            ring(valkey_url)
            leads.until("DELIVERED", lead_id)
            return time.monotonic() - began < 0.25

        # Another try when this machine was too busy for a flow, or to be quick.
        eventually(steady_flow, within=60)
        eventually(single_lead, within=60)


def test_more_work_than_one_worker_has_slots_for_wakes_the_others(
    leads: Leads, database_url: str, valkey_url: str, customer: Customer, tmp_path: Path
) -> None:
    customer.answer_always(Answer(after=0.3))
    publish_solar(tmp_path, customer.url, endpoint={"concurrency": 4})
    one, two = (WorkerProcess(tmp_path, database=database_url, redis=valkey_url) for _ in range(2))

    with one.until_ready().until_listening(), two.until_ready().until_listening():
        leads.put(60)
        ring(valkey_url)
        leads.until_all({"DELIVERED": 60})

    assert len(leads.ask("SELECT DISTINCT worker FROM delivery_attempt")) == 2
    assert customer.most_at_once == 8


def test_token_and_secret_headers_come_from_the_published_credentials(
    leads: Leads, database_url: str, customer: Customer, tmp_path: Path
) -> None:
    manifest = a_manifest(
        customer.url,
        endpoint={
            "token": {"name": "solar", "key": "token"},
            "headers": [{"name": "X-Api-Key", "secretKeyRef": {"name": "solar", "key": "api-key"}}],
        },
    )
    publish_routes(tmp_path, manifest, secrets={"solar": {"token": "a-token", "api-key": "a-key"}})
    lead_id = leads.put_one()

    with WorkerProcess(tmp_path, database=database_url, redis=NOWHERE) as worker:
        story = leads.until("DELIVERED", lead_id)
        hashes = httpx.get(f"{worker.status}/routes").json()["routes"]

    headers = customer.received[0].headers
    assert (headers["authorization"], headers["x-api-key"]) == ("Bearer a-token", "a-key")
    assert {step.config_hash for step in story.transitions[1:]} == {hashes["default/solar"]}
    assert "a-token" not in worker.output
    assert "a-key" not in worker.output


def test_private_addresses_are_refused_unless_the_installation_permits_them(
    leads: Leads, database_url: str, customer: Customer, tmp_path: Path
) -> None:
    publish_solar(tmp_path, customer.url)
    lead_id = leads.put_one()

    environment = {"LEADGATEWAY_WORKER_ALLOW_PRIVATE_NETWORKS": "false"}
    with WorkerProcess(tmp_path, database=database_url, redis=NOWHERE, **environment):
        story = leads.until("FAILED", lead_id)

    assert story.attempts[0].kind == "refused_address"
    assert customer.connections == 0


def test_sigkill_in_the_middle_of_200_deliveries_loses_none_and_repeats_carry_the_same_key(
    leads: Leads, database_url: str, customer: Customer, tmp_path: Path
) -> None:
    customer.answer_always(Answer(after=0.05))
    publish_solar(tmp_path, customer.url, endpoint={"timeout": "1s"})
    short = {"LEADGATEWAY_WORKER_LEASE_MARGIN_SECONDS": "2", "LEADGATEWAY_WORKER_SWEEP_SECONDS": "0.5"}
    leads.put(200)

    first = WorkerProcess(tmp_path, database=database_url, redis=NOWHERE, **short)
    customer.wait_for(60)
    first.kill()
    with WorkerProcess(tmp_path, database=database_url, redis=NOWHERE, **short):
        leads.until_all({"DELIVERED": 200})

    keys_by_lead = defaultdict(set)
    for request in customer.received:
        keys_by_lead[request.headers["x-correlation-id"]].add(request.idempotency_key)
    kinds = Counter(kind for (kind,) in leads.ask("SELECT kind FROM delivery_attempt"))
    assert len(keys_by_lead) == 200
    assert all(len(keys) == 1 for keys in keys_by_lead.values())
    assert kinds["delivered"] == 200
    assert kinds["lease_expired"] >= 1
    assert len(customer.received) <= 200 + kinds["lease_expired"]


def test_a_worker_that_was_stopped_past_its_lease_and_goes_on_overwrites_nothing(
    leads: Leads, database_url: str, customer: Customer, tmp_path: Path
) -> None:
    customer.answer_next(Silence(), Silence(), Silence())
    publish_solar(tmp_path, customer.url, endpoint={"timeout": "1s"})
    short = {"LEADGATEWAY_WORKER_LEASE_MARGIN_SECONDS": "1", "LEADGATEWAY_WORKER_SWEEP_SECONDS": "0.3"}
    leads.put(3)

    with WorkerProcess(tmp_path, database=database_url, redis=NOWHERE, **short) as stopped:
        customer.wait_for(3)
        stopped.send_signal(signal.SIGSTOP)
        with WorkerProcess(tmp_path, database=database_url, redis=NOWHERE, **short):
            leads.until_all({"DELIVERED": 3})
        before = [leads.story(lead_id) for lead_id in (1, 2, 3)]
        stopped.send_signal(signal.SIGCONT)
        eventually(lambda: stopped.metric('leadgateway_fenced_total{when="writing"}') == 3)

    assert [leads.story(lead_id) for lead_id in (1, 2, 3)] == before
    assert [attempt.kind for attempt in before[0].attempts] == ["lease_expired", "delivered"]


def test_it_starts_without_redis_and_takes_wake_ups_when_redis_comes(
    leads: Leads, database_url: str, server_folder: Path, customer: Customer, tmp_path: Path
) -> None:
    publish_solar(tmp_path, customer.url)
    server = EmbeddedValkey(server_folder / "valkey", durable=False)
    server.start()
    url = server.url
    server.stop()
    sweep = {"LEADGATEWAY_WORKER_SWEEP_SECONDS": "0.5"}

    with WorkerProcess(tmp_path, database=database_url, redis=url, **sweep).until_ready() as worker:
        assert worker.health()["redis"] == "unavailable"
        leads.until("DELIVERED", leads.put_one())

        with EmbeddedValkey(server_folder / "valkey", durable=False) as back:
            assert back.url == url
            worker.until_listening()
            ring(url)
            eventually(lambda: worker.metric("leadgateway_wakeups_received_total") == 1)

        leads.until("DELIVERED", leads.put_one())
        assert worker.end() == 0


def test_losing_everything_in_redis_loses_no_lead(
    leads: Leads, database_url: str, valkey_url: str, customer: Customer, tmp_path: Path
) -> None:
    customer.answer_next(Answer(500))
    publish_solar(tmp_path, customer.url)
    sweep = {"LEADGATEWAY_WORKER_SWEEP_SECONDS": "1"}

    with WorkerProcess(tmp_path, database=database_url, redis=valkey_url, **sweep).until_listening() as worker:
        failing = leads.put_one()
        ring(valkey_url)
        leads.until("FAILED", failing)
        unannounced = leads.put_one()
        with redis.Redis.from_url(valkey_url) as client:
            client.flushall()
        leads.until("DELIVERED", failing)
        leads.until("DELIVERED", unannounced)

        announced = leads.put_one()
        ring(valkey_url)
        leads.until("DELIVERED", announced)
        assert worker.end() == 0


def test_a_retry_is_announced_for_whoever_is_there_when_it_falls_due(
    leads: Leads, database_url: str, valkey_url: str, customer: Customer, tmp_path: Path
) -> None:
    """The worker that failed ends before, and the other one sweeps too seldom: only the scheduled wake-up is left."""
    customer.answer_next(Answer(500))
    publish_solar(tmp_path, customer.url, retry={"initialDelay": "4s"})
    workers = [WorkerProcess(tmp_path, database=database_url, redis=valkey_url) for _ in range(2)]

    with workers[0].until_listening() as one, workers[1].until_listening() as two:
        lead_id = leads.put_one()
        ring(valkey_url)
        failed = leads.until("FAILED", lead_id).attempts[0].worker
        gone, left = (one, two) if f"-{one.pid}-" in failed else (two, one)
        eventually(lambda: gone.metric('leadgateway_wakeups_sent_total{kind="scheduled",outcome="sent"}') == 1)
        assert gone.end() == 0
        heard = left.metric("leadgateway_wakeups_received_total")
        leads.until("DELIVERED", lead_id)

        assert left.metric("leadgateway_wakeups_received_total") == heard + 1


def test_a_job_in_redis_wakes_the_worker_and_runs_no_code(
    database_url: str, valkey_url: str, tmp_path: Path, customer: Customer
) -> None:
    publish_solar(tmp_path / "routes", customer.url)
    proof = tmp_path / "proof"
    with (
        WorkerProcess(tmp_path / "routes", database=database_url, redis=valkey_url).until_listening() as worker,
        redis.Redis.from_url(valkey_url) as client,
    ):
        queue = Queue(QUEUE_NAME, connection=client, serializer=JSONSerializer)
        queue.enqueue("os.mkdir", str(proof), on_success=Callback("os.getcwd"), on_failure=Callback("os.getcwd"))
        queue.enqueue("no.such.function")
        eventually(lambda: worker.metric("leadgateway_wakeups_received_total") == 2)
        assert not client.keys("rq:job:*")
        assert not client.llen(queue.intermediate_queue_key)

    assert not proof.exists()


def test_sigterm_ends_it_with_what_was_in_flight_delivered(
    leads: Leads, database_url: str, valkey_url: str, customer: Customer, tmp_path: Path
) -> None:
    customer.answer_always(Answer(after=0.7))
    publish_solar(tmp_path, customer.url)
    leads.put(20)

    with WorkerProcess(tmp_path, database=database_url, redis=valkey_url).until_listening() as worker:
        customer.wait_for(16)
        assert worker.end() == 0

    assert leads.statuses() == {"DELIVERED": 16, "RECEIVED": 4}
    assert leads.ask("SELECT count(*) FROM lead_state WHERE leased_until IS NOT NULL") == [(0,)]


def test_sigterm_gives_back_what_does_not_end_in_time_and_a_second_one_ends_at_once(
    leads: Leads, database_url: str, customer: Customer, tmp_path: Path
) -> None:
    customer.answer_always(Silence())
    publish_solar(tmp_path, customer.url, endpoint={"timeout": "60s"})
    lead_id = leads.put_one()

    short = {"LEADGATEWAY_WORKER_GRACE_SECONDS": "0.5"}
    with WorkerProcess(tmp_path, database=database_url, redis=NOWHERE, **short) as patient:
        customer.wait_for(1)
        assert patient.end() == 0
    assert leads.story(lead_id).leased_until is None

    with WorkerProcess(tmp_path, database=database_url, redis=NOWHERE) as hasty:
        customer.wait_for(2)
        hasty.send_signal(signal.SIGTERM)
        eventually(lambda: hasty.event("worker.stopping"))
        assert hasty.end(within=5) == 128 + signal.SIGTERM
    assert leads.story(lead_id).leased_until is not None


def test_results_survive_an_outage_of_the_database_and_nothing_is_sent_twice(
    server_folder: Path, customer: Customer, tmp_path: Path
) -> None:
    customer.answer_always(Answer(after=1.5))
    publish_solar(tmp_path, customer.url)
    short = {"LEADGATEWAY_WORKER_LEASE_MARGIN_SECONDS": "1", "LEADGATEWAY_WORKER_SWEEP_SECONDS": "0.5"}
    with EmbeddedPostgres(server_folder / "postgres") as server:
        url = server.url
        migrate(DatabaseSettings(DATABASE_URL=url))
        with leads_in(url) as leads:
            leads.put(10)
        with WorkerProcess(tmp_path, database=url, redis=NOWHERE, **short) as worker:
            customer.wait_for(10)
            server.stop()
            eventually(lambda: worker.event("results.waiting"))
            assert worker.health()["status"] == "ok"
            time.sleep(1)
            server.start()
            with leads_in(url) as leads:
                leads.until_all({"DELIVERED": 10})
                later = leads.put_one()
                leads.until("DELIVERED", later)
            assert worker.end() == 0

    assert len(customer.received) == 11


def test_it_waits_for_the_database_and_for_the_tables(
    empty_database_url: str, customer: Customer, tmp_path: Path
) -> None:
    publish_solar(tmp_path, customer.url)
    sweep = {"LEADGATEWAY_WORKER_SWEEP_SECONDS": "0.5"}
    with WorkerProcess(tmp_path, database=empty_database_url, redis=NOWHERE, **sweep) as worker:
        eventually(lambda: worker.event("database.unavailable"))
        assert httpx.get(f"{worker.status}/readyz").status_code == 503
        assert httpx.get(f"{worker.status}/healthz").status_code == 200
        migrate(DatabaseSettings(DATABASE_URL=empty_database_url))
        worker.until_ready()
        with leads_in(empty_database_url) as leads:
            leads.until("DELIVERED", leads.put_one())


def test_a_route_that_changes_is_taken_up_without_a_restart(
    leads: Leads, database_url: str, customer: Customer, tmp_path: Path
) -> None:
    publish_solar(tmp_path, customer.url, paused=True)
    lead_id = leads.put_one()

    with WorkerProcess(tmp_path, database=database_url, redis=NOWHERE).until_ready():
        assert leads.path(lead_id) == ["RECEIVED"]
        publish_solar(tmp_path, customer.url)
        leads.until("DELIVERED", lead_id)


def test_a_route_that_breaks_goes_on_as_it_was_and_is_counted(
    leads: Leads, database_url: str, customer: Customer, tmp_path: Path
) -> None:
    publish_solar(tmp_path, customer.url)
    broken = PublishedRoute("default", "solar", {"mapping": "nonsense"}, Credentials())

    with WorkerProcess(tmp_path, database=database_url, redis=NOWHERE).until_ready() as worker:
        assert worker.metric('leadgateway_worker_routes{state="running"}') == 1
        assert worker.metric('leadgateway_worker_routes{state="broken"}') == 0
        publish(tmp_path, render([broken], count=2, fingerprint_key=b"k" * 32))
        eventually(lambda: worker.metric('leadgateway_worker_routes{state="broken"}') == 1)
        (tmp_path / "routes-0" / "..data").unlink()
        eventually(lambda: worker.metric("leadgateway_worker_config_faults") == 1)

        assert worker.health()["broken_routes"] == "1"
        assert worker.health()["config"] == "faulty"
        assert worker.metric('leadgateway_worker_routes{state="running"}') == 1


def test_the_death_of_the_pump_ends_the_process_with_a_failure(
    database_url: str, customer: Customer, tmp_path: Path
) -> None:
    publish_solar(tmp_path, customer.url)
    program = (
        "import leadgateway_worker.pump as pump\n"
        "async def broken(self, deliveries): raise ZeroDivisionError\n"
        "pump.Pump._keep_looking = broken\n"
        "import sys; sys.argv = ['leadgateway', 'worker', '--status-port=0', sys.argv[1]]\n"
        "from leadgateway.cli import main; main()\n"
    )
    environment = os.environ | {"DATABASE_URL": database_url, "REDIS_URL": NOWHERE}

    ended = subprocess.run(
        [sys.executable, "-c", program, f"--config-dir={tmp_path}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 1
    assert "pump.died" in ended.stderr


def test_a_status_port_that_is_taken_is_told_with_the_remedy(database_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "leadgateway", "worker", f"--status-port={port}", f"--config-dir={tmp_path}"],
            env=os.environ | {"DATABASE_URL": database_url},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    assert ended.returncode == 1
    assert str(port) in ended.stderr
    assert "--status-port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_metrics_name_routes_and_results(leads: Leads, database_url: str, customer: Customer, tmp_path: Path) -> None:
    customer.answer_next(Answer(400))
    publish_solar(tmp_path, customer.url)
    leads.put(3)

    with WorkerProcess(tmp_path, database=database_url, redis=NOWHERE) as worker:
        leads.until_all({"DELIVERED": 2, "PERMANENTLY_FAILED": 1})
        attempts = 'leadgateway_delivery_attempts_total{{result="{}",route="default/solar"}}'
        eventually(lambda: worker.metric(attempts.format("delivered")) == 2)
        assert worker.metric(attempts.format("failed")) == 1
        assert worker.metric('leadgateway_delivery_failures_total{kind="status"}') == 1
        assert worker.metric("leadgateway_lead_first_outcome_seconds_count") == 3
        assert worker.metric('leadgateway_pipeline_outcomes_total{outcome="mapped"}') == 3
        assert worker.metric('leadgateway_leads_finished_total{route="default/solar",status="DELIVERED"}') == 2
        assert worker.metric("leadgateway_lead_delivery_seconds_count") == 2
        assert worker.metric("leadgateway_deliveries_in_flight") == 0


def test_metrics_name_the_codes_of_rejections_and_count_retries(
    leads: Leads, database_url: str, valkey_url: str, customer: Customer, tmp_path: Path
) -> None:
    customer.answer_next(Answer(503))
    publish_solar(tmp_path, customer.url)
    leads.put(1)
    leads.put(2, lead=b"no lead")

    with WorkerProcess(tmp_path, database=database_url, redis=valkey_url).until_listening() as worker:
        leads.until_all({"FAILED": 1, "REJECTED": 2})
        eventually(lambda: worker.metric("leadgateway_lead_first_outcome_seconds_count") == 3)
        assert worker.metric('leadgateway_pipeline_rejections_total{code="INVALID_LEAD"}') == 2
        assert worker.metric('leadgateway_pipeline_outcomes_total{outcome="rejected"}') == 2
        assert worker.metric("leadgateway_delivery_retries_total") == 1
        assert worker.metric("leadgateway_worker_redis_available") == 1
        eventually(lambda: worker.metric("leadgateway_worker_scheduler_active") == 1)
