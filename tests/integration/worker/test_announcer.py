"""Waking other workers without waiting for Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from leadgateway.queue import QUEUE_NAME, Bell, connect
from leadgateway.settings import RedisSettings
from leadgateway_worker.announcer import Announcer
from tests.building.pump import NOWHERE
from tests.building.waiting import eventually


def announce(redis_url: str, ask: Callable[[Announcer], None], *, until: Callable[[], bool]) -> None:
    connection = connect(RedisSettings(REDIS_URL=redis_url))

    async def work() -> None:
        announcer = Announcer(Bell(connection))
        running = asyncio.create_task(announcer.run())
        ask(announcer)
        await asyncio.to_thread(eventually, until)
        running.cancel()

    asyncio.run(work())
    connection.close()


def test_wake_ups_of_a_second_are_one_and_each_second_has_its_own(valkey_url: str) -> None:
    base = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1)

    def ask(announcer: Announcer) -> None:
        announcer.soon()
        announcer.soon()
        for milliseconds in range(1, 2001, 100):
            announcer.at(base + timedelta(milliseconds=milliseconds))

    with redis.Redis.from_url(valkey_url) as client:
        queue = Queue(QUEUE_NAME, connection=client, serializer=JSONSerializer)
        announce(valkey_url, ask, until=lambda: queue.scheduled_job_registry.count == 2 and queue.count == 1)


def test_without_redis_nobody_waits() -> None:
    began = time.monotonic()

    def ask(announcer: Announcer) -> None:
        for minutes in range(1, 200):
            announcer.at(datetime.now(UTC) + timedelta(minutes=minutes))

    announce(NOWHERE, ask, until=lambda: True)

    assert time.monotonic() - began < 3
