"""What was answered is stored, whatever happens to the process; what is stored twice was posted twice."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from tests.building.published_routes import a_lead_route, publish_routes
from tests.building.waiting import eventually
from tests.building.webhook import LEAD, Answered, WebhookProcess, post_all


def bodies(number: int) -> Iterator[bytes]:
    return (json.dumps({**LEAD, "number": n}).encode() for n in range(number))


def lead_ids(database_url: str, route: str = "solar") -> set[int]:
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT lead_id FROM inbound_lead WHERE route = %s", (f"default/{route}",))
        return {lead_id for (lead_id,) in cursor.fetchall()}


def duplicates(database_url: str, lead_id: int) -> int:
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM duplicate_lead WHERE lead_id = %s", (lead_id,))
        return int(cursor.fetchall()[0][0])


class Posting:
    """Posts going on in the background, over many connections."""

    def __init__(self, ports: list[int], *, connections: int, number: int = 1_000_000) -> None:
        self.result = Answered()
        self._thread = threading.Thread(target=self._run, args=(ports, connections, number))
        self._thread.start()

    def _run(self, ports: list[int], connections: int, number: int) -> None:
        asyncio.run(post_all(ports, bodies(number), connections=connections, result=self.result))

    def end(self) -> Answered:
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.result


@pytest.fixture
def routes(tmp_path: Path) -> Path:
    publish_routes(tmp_path, a_lead_route("solar", default=True))
    return tmp_path


@pytest.fixture(scope="module")
def ports(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, module_valkey_url: str
) -> Iterator[list[int]]:
    """Two processes on one database, with a route for each way of telling leads apart."""
    folder = tmp_path_factory.mktemp("published")
    publish_routes(
        folder,
        a_lead_route("person", source={"deduplicate": {"fields": ["email", "address.zip"], "window": "24h"}}),
        a_lead_route("number", source={"deduplicate": {"fields": ["number"], "window": "24h"}}),
        a_lead_route("any"),
    )
    with (
        WebhookProcess(folder, database=module_database_url, redis=module_valkey_url) as one,
        WebhookProcess(folder, database=module_database_url, redis=module_valkey_url) as other,
    ):
        yield [one.until_ready().port, other.until_ready().port]


def fifty_at_once(ports: list[int], path: str, headers: dict[str, str] | None = None) -> Answered:
    same = iter([json.dumps(LEAD).encode()] * 50)
    return asyncio.run(post_all(ports, same, path=path, connections=50, one_each=True, headers=headers))


def test_one_lead_of_fifty_identical_ones_is_accepted(ports: list[int], module_database_url: str) -> None:
    result = fifty_at_once(ports, "person")

    [first] = result.ids("accepted")
    assert result.codes() == {200}
    assert result.ids("duplicate") == [first] * 49
    assert len({body["correlation_id"] for _, body in result.answers}) == 1
    assert lead_ids(module_database_url, "person") == {first}
    assert duplicates(module_database_url, first) == 49


def test_one_of_fifty_posts_with_the_same_idempotency_key_is_accepted(
    ports: list[int], module_database_url: str
) -> None:
    result = fifty_at_once(ports, "any", {"Idempotency-Key": "the-same"})

    [first] = result.ids("accepted")
    assert result.ids("duplicate") == [first] * 49
    assert lead_ids(module_database_url, "any") == {first}


def test_batches_in_opposite_order_from_two_processes_fail_no_post(ports: list[int], module_database_url: str) -> None:
    forth = [json.dumps({"number": n % 40}).encode() for n in range(800)]

    async def post() -> tuple[Answered, Answered]:
        return await asyncio.gather(
            post_all(ports[:1], iter(forth), path="number", connections=20),
            post_all(ports[1:], iter(forth[::-1]), path="number", connections=20),
        )

    results = asyncio.run(post())

    assert {code for result in results for code in result.codes()} == {200}
    accepted = [lead_id for result in results for lead_id in result.ids("accepted")]
    assert len(accepted) == 40
    assert lead_ids(module_database_url, "number") == set(accepted)


def test_killing_the_process_in_mid_posts_loses_no_answered_lead(
    routes: Path, database_url: str, valkey_url: str
) -> None:
    with WebhookProcess(routes, database=database_url, redis=valkey_url) as webhook:
        posting = Posting([webhook.until_ready().port], connections=20)
        eventually(lambda: len(posting.result.answers) >= 200)
        webhook.end(signal.SIGKILL)
        result = posting.end()

    assert result.codes() == {200}
    assert len(set(result.ids())) == len(result.answers) >= 200
    assert set(result.ids()) <= lead_ids(database_url)


def test_ending_the_process_under_load_answers_everything_that_is_stored(
    routes: Path, database_url: str, valkey_url: str
) -> None:
    with WebhookProcess(routes, database=database_url, redis=valkey_url) as webhook:
        posting = Posting([webhook.until_ready().port], connections=20)
        eventually(lambda: len(posting.result.answers) >= 200)

        code = webhook.end(signal.SIGTERM)
        result = posting.end()

    assert code == 0
    assert result.codes() == {200}
    assert set(result.ids()) == lead_ids(database_url)
    assert webhook.event("webhook.ended")


def test_a_post_whose_body_is_still_arriving_is_answered_before_the_end(
    routes: Path, database_url: str, valkey_url: str
) -> None:
    body = json.dumps(LEAD).encode()

    async def post(webhook: WebhookProcess) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", webhook.port)
        writer.write(
            b"POST /webhooks/leads/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body[:10]
        )
        held = "leadgateway_webhook_body_bytes"
        await asyncio.to_thread(eventually, lambda: webhook.metric(held) == 10)
        webhook.send_signal(signal.SIGTERM)
        await asyncio.to_thread(eventually, lambda: webhook.client.get(f"{webhook.status}/readyz").status_code == 503)
        writer.write(body[10:])
        answer = await reader.read()
        writer.close()
        return answer

    with WebhookProcess(routes, database=database_url, redis=valkey_url) as webhook:
        answer = asyncio.run(post(webhook.until_ready()))

        assert webhook.end() == 0
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert len(lead_ids(database_url)) == 1
