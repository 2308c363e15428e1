"""Ten times more posts than can be stored: what can be taken is, the rest is refused at once, and nothing piles up.

How long accepted posts take, and how much memory that needs, is measured by `make bench ARGS=overload`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from itertools import count, takewhile
from pathlib import Path
from time import monotonic

import httpx
import psycopg2
import pytest

from tests.building.published_routes import a_lead_route, publish_routes
from tests.building.webhook import LEAD, WebhookProcess, post_all

QUEUED = 5
COMMIT_SECONDS = 0.5
FLOOD_SECONDS = 6.0
CONNECTIONS = 60
MOST_MORE_MIB = 50
LATEST_SECONDS = 6.0
"""Three times the 2 s that any answer may take."""

# A database that can't take more than some leads a second, although each of its statements is quick to send.
SLOW = f"""
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep({COMMIT_SECONDS}); RETURN NULL; END $$;
CREATE TRIGGER slow AFTER INSERT ON inbound_lead FOR EACH STATEMENT EXECUTE FUNCTION slow()
"""


@pytest.fixture
def webhook(tmp_path: Path, database_url: str, valkey_url: str) -> Iterator[WebhookProcess]:
    with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(SLOW)
    publish_routes(tmp_path, a_lead_route("solar", default=True))
    few = {"LEADGATEWAY_WEBHOOK_MAX_QUEUED_LEADS": str(QUEUED)}
    with WebhookProcess(tmp_path, database=database_url, redis=valkey_url, **few) as running:
        yield running.until_ready()


def most_memory(pid: int) -> float:
    """The most resident memory that a process ever had, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def bodies_for(seconds: float) -> Iterator[bytes]:
    end = monotonic() + seconds
    numbers = takewhile(lambda _: monotonic() < end, count())
    return (json.dumps({**LEAD, "number": number}).encode() for number in numbers)


def stored(database_url: str) -> set[int]:
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT lead_id FROM inbound_lead")
        return {lead_id for (lead_id,) in cursor.fetchall()}


def test_at_ten_times_its_capacity_it_serves_what_it_can_refuses_the_rest_and_keeps_its_memory(
    webhook: WebhookProcess, database_url: str
) -> None:
    httpx.post(webhook.leads, json=LEAD).raise_for_status()
    before = most_memory(webhook.pid)
    began = monotonic()

    answered = asyncio.run(post_all([webhook.port], bodies_for(FLOOD_SECONDS), connections=CONNECTIONS))

    took, accepted = monotonic() - began, answered.ids()
    assert len(answered.answers) > 10 * len(accepted), "the flood was no flood"
    # A batch a commit, while nothing else is slow.
    assert len(accepted) >= took / COMMIT_SECONDS / 3
    assert answered.codes() == {200, 503}
    assert {body["code"] for code, body in answered.answers if code != 200} <= {"overloaded", "database_unavailable"}
    assert answered.without_retry_after == 0
    assert answered.unanswered == 0
    assert max(answered.seconds) < LATEST_SECONDS
    assert most_memory(webhook.pid) - before < MOST_MORE_MIB
    assert set(accepted) <= stored(database_url)
    assert httpx.post(webhook.leads, json=LEAD).status_code == 200
