"""PostgreSQL, Redis or the routes away: quick, honest answers, and back by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
import redis

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.dev.valkey import EmbeddedValkey
from leadgateway.queue import QUEUE_NAME
from leadgateway.settings import DatabaseSettings
from leadgateway.store.migrations import migrate
from tests.building.published_routes import a_lead_route, publish_routes
from tests.building.waiting import eventually
from tests.building.webhook import LEAD, WebhookProcess

NOWHERE = "postgresql://nobody:nothing@127.0.0.1:1/none"
NO_REDIS = "redis://127.0.0.1:1/0"


@pytest.fixture
def routes(tmp_path: Path) -> Path:
    publish_routes(tmp_path, a_lead_route("solar", default=True))
    return tmp_path


@pytest.fixture
def valkey(server_folder: Path) -> Iterator[EmbeddedValkey]:
    """A Valkey that the test may stop."""
    with EmbeddedValkey(server_folder / "valkey", durable=False) as server:
        yield server


def post(webhook: WebhookProcess) -> httpx.Response:
    return webhook.client.post(webhook.leads, json=LEAD)


def timed(action: Callable[[], httpx.Response]) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    answer = action()
    return answer, time.monotonic() - began


def unavailable(answer: httpx.Response, code: str = "database_unavailable") -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, code), answer.text
    assert int(answer.headers["Retry-After"]) >= 1


@dataclass(frozen=True)
class Pair:
    webhook: WebhookProcess
    postgres: EmbeddedPostgres


@pytest.fixture(scope="module")
def running(session_folder: Path, tmp_path_factory: pytest.TempPathFactory, module_valkey_url: str) -> Iterator[Pair]:
    """A webhook with a PostgreSQL of its own, which a test may stop if it starts it again."""
    routes = tmp_path_factory.mktemp("published")
    publish_routes(routes, a_lead_route("solar", default=True))
    with EmbeddedPostgres(session_folder / "outages", durable=False) as server:
        migrate(DatabaseSettings(DATABASE_URL=server.url))
        with WebhookProcess(routes, database=server.url, redis=module_valkey_url) as webhook:
            yield Pair(webhook.until_ready(), server)


@contextmanager
def hanging(postgres: EmbeddedPostgres) -> Iterator[None]:
    """Every process of the server stopped, with its connections open."""
    server = psutil.Process(postgres.pid)
    stopped = [server, *server.children(recursive=True)]
    for process in stopped:
        process.suspend()
    try:
        yield
    finally:
        for process in stopped:
            process.resume()


def test_without_the_database_posts_are_refused_quickly_and_taken_again_within_three_seconds_of_its_return(
    running: Pair,
) -> None:
    webhook = running.webhook
    assert post(webhook).status_code == 200

    running.postgres.stop()
    for _ in range(5):
        answer, seconds = timed(lambda: post(webhook))
        unavailable(answer)
        assert seconds < 2
    readyz = webhook.client.get(f"{webhook.status}/readyz")
    assert (readyz.status_code, readyz.json()["database"]) == (200, "unreachable")
    assert webhook.metric("leadgateway_webhook_database_available") == 0

    running.postgres.start()
    eventually(lambda: post(webhook).status_code == 200, within=3)


def test_a_restart_of_the_database_costs_an_idle_webhook_no_post(running: Pair) -> None:
    running.postgres.stop()
    running.postgres.start()
    eventually(
        lambda: running.webhook.client.get(f"{running.webhook.status}/readyz").json()["database"] == "ok", within=3
    )

    assert post(running.webhook).status_code == 200


def test_a_database_that_hangs_is_answered_503_within_two_seconds_and_then_at_once(running: Pair) -> None:
    with hanging(running.postgres):
        for limit in (2.0, 2.0, 0.5):
            answer, seconds = timed(lambda: post(running.webhook))
            unavailable(answer)
            assert seconds < limit

    eventually(lambda: post(running.webhook).status_code == 200, within=3)


def test_it_starts_without_the_database_and_takes_posts_once_that_is_migrated(
    routes: Path, server_folder: Path, valkey_url: str
) -> None:
    postgres = EmbeddedPostgres(server_folder, durable=False)
    postgres.start()
    url = postgres.url
    postgres.stop()
    with WebhookProcess(routes, database=url, redis=valkey_url) as webhook:
        unavailable(post(webhook))
        readyz = webhook.client.get(f"{webhook.status}/readyz")
        assert (readyz.status_code, readyz.json()["database"]) == (503, "unreachable")
        assert webhook.client.get(f"{webhook.status}/healthz").status_code == 200

        with postgres.start():
            eventually(lambda: webhook.client.get(f"{webhook.status}/readyz").json()["database"] == "not migrated")
            unavailable(post(webhook))
            migrate(DatabaseSettings(DATABASE_URL=url))
            eventually(lambda: post(webhook).status_code == 200, within=3)
            assert webhook.client.get(f"{webhook.status}/readyz").status_code == 200


def test_it_ends_quickly_without_database_and_redis(routes: Path) -> None:
    with WebhookProcess(routes, database=NOWHERE, redis=NO_REDIS) as webhook:
        unavailable(post(webhook))

        assert webhook.end(within=8) == 0


def test_without_redis_leads_are_stored_all_the_same(routes: Path, database_url: str) -> None:
    with WebhookProcess(routes, database=database_url, redis=NO_REDIS) as webhook:
        answer, seconds = timed(lambda: post(webhook.until_ready()))

        assert answer.status_code == 200
        assert seconds < 2


def test_a_commit_wakes_a_worker(routes: Path, database_url: str, valkey_url: str) -> None:
    with (
        redis.Redis.from_url(valkey_url) as queue,
        WebhookProcess(routes, database=database_url, redis=valkey_url) as webhook,
    ):
        assert post(webhook.until_ready()).status_code == 200

        eventually(lambda: queue.llen(f"rq:queue:{QUEUE_NAME}") == 1)


def limited(folder: Path, limit: int) -> None:
    publish_routes(folder, a_lead_route("solar", default=True, source={"rateLimit": {"requestsPerMinute": limit}}))


def passed(*webhooks: WebhookProcess, posts: int) -> int:
    codes = [post(webhooks[n % len(webhooks)]).status_code for n in range(posts)]
    assert set(codes) <= {200, 429}
    return codes.count(200)


def test_a_limit_holds_across_two_processes(tmp_path: Path, database_url: str, valkey_url: str) -> None:
    limited(tmp_path, 10)
    with (
        WebhookProcess(tmp_path, database=database_url, redis=valkey_url) as one,
        WebhookProcess(tmp_path, database=database_url, redis=valkey_url) as other,
    ):
        assert passed(one.until_ready(), other.until_ready(), posts=16) == 10


def test_each_process_takes_its_share_while_redis_is_away(
    tmp_path: Path, database_url: str, valkey: EmbeddedValkey
) -> None:
    limited(tmp_path, 12)
    with WebhookProcess(tmp_path, database=database_url, redis=valkey.url, LEADGATEWAY_WEBHOOK_REPLICAS="3") as webhook:
        assert passed(webhook.until_ready(), posts=2) == 2

        valkey.stop()
        assert passed(webhook, posts=6) == 2
        assert webhook.client.get(f"{webhook.status}/readyz").json()["rate_limits"] == "counted alone"
        assert webhook.metric("leadgateway_webhook_rate_limit_shared") == 0

        valkey.start()
        eventually(lambda: webhook.metric("leadgateway_webhook_rate_limit_shared") == 1)
        assert passed(webhook, posts=13) == 12


def test_a_redis_that_hangs_holds_no_post_up_for_long(
    tmp_path: Path, database_url: str, valkey: EmbeddedValkey
) -> None:
    limited(tmp_path, 100)
    with WebhookProcess(tmp_path, database=database_url, redis=valkey.url) as webhook:
        post(webhook.until_ready())
        process = psutil.Process(valkey.pid)
        process.suspend()
        try:
            for _ in range(3):
                answer, seconds = timed(lambda: post(webhook))
                assert answer.status_code == 200
                assert seconds < 1
        finally:
            process.resume()


def test_without_any_routes_posts_are_asked_to_come_back_and_never_told_that_there_are_none(
    tmp_path: Path, database_url: str, valkey_url: str
) -> None:
    with WebhookProcess(tmp_path, database=database_url, redis=valkey_url) as webhook:
        unavailable(post(webhook), "route_not_loaded")
        unavailable(webhook.client.post(f"{webhook.leads}solar", json=LEAD), "route_not_loaded")
        assert webhook.client.get(f"{webhook.status}/readyz").status_code == 503

        publish_routes(tmp_path, a_lead_route("solar", default=True))

        eventually(lambda: post(webhook).status_code == 200)
        webhook.until_ready()
        assert webhook.client.post(f"{webhook.leads}lunar", json=LEAD).status_code == 404


def test_a_change_of_a_route_reaches_the_running_process(tmp_path: Path, database_url: str, valkey_url: str) -> None:
    publish_routes(tmp_path, a_lead_route("solar", default=True))
    with WebhookProcess(tmp_path, database=database_url, redis=valkey_url) as webhook:
        webhook.until_ready()
        assert webhook.client.post(f"{webhook.leads}lunar", json=LEAD).status_code == 404
        before = webhook.client.get(f"{webhook.status}/routes").json()["routes"]

        publish_routes(tmp_path, a_lead_route("solar", default=True, path="lunar"))

        eventually(lambda: webhook.client.post(f"{webhook.leads}lunar", json=LEAD).status_code == 200)
        assert webhook.client.get(f"{webhook.status}/routes").json()["routes"] != before
        assert webhook.client.post(f"{webhook.leads}solar", json=LEAD).status_code == 404


def test_a_flood_that_the_database_cannot_take_is_refused_and_memory_stays_bounded(
    routes: Path, running: Pair, valkey_url: str
) -> None:
    with WebhookProcess(
        routes,
        database=running.postgres.url,
        redis=valkey_url,
        LEADGATEWAY_WEBHOOK_MAX_QUEUED_BYTES="3000000",
        LEADGATEWAY_WEBHOOK_ANSWER_SECONDS="2",
    ) as webhook:
        post(webhook.until_ready())
        with hanging(running.postgres):
            codes = _post_at_once(webhook, body=b'{"a":"' + b"x" * 900_000 + b'"}', number=8)

    assert codes.count((503, "overloaded")) >= 4


def _post_at_once(webhook: WebhookProcess, *, body: bytes, number: int) -> list[tuple[int, str]]:
    def one(_: int) -> tuple[int, str]:
        answer = httpx.post(webhook.leads, content=body, headers={"Content-Type": "application/json"}, timeout=20)
        return answer.status_code, answer.json().get("code", "")

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))
