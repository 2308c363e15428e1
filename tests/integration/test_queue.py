"""The bell on a real Valkey: at most one wake-up waits, and losing Valkey is never an error."""

from __future__ import annotations

import json
import socket
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from redis import Redis
from rq import Queue
from rq.registry import ScheduledJobRegistry
from rq.serializers import JSONSerializer

from leadgateway.queue import QUEUE_NAME, WAKEUP_JOB, Bell, connect
from leadgateway.settings import RedisSettings


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect(RedisSettings(REDIS_URL=SecretStr(valkey_url)))


@pytest.fixture
def bell(redis: Redis) -> Bell:
    return Bell(redis)


@pytest.fixture
def queue(redis: Redis) -> Queue:
    return Queue(QUEUE_NAME, connection=redis, serializer=JSONSerializer)


def scheduled(queue: Queue) -> list[datetime]:
    registry = ScheduledJobRegistry(queue=queue)  # type: ignore[no-untyped-call]
    return [registry.get_scheduled_time(job) for job in registry.get_job_ids()]


def test_a_ring_is_one_job_that_names_the_wakeup(bell: Bell, queue: Queue) -> None:
    assert bell.ring()

    assert [job.func_name for job in queue.jobs] == [WAKEUP_JOB]


def test_rings_before_the_wakeup_starts_are_one(bell: Bell, queue: Queue) -> None:
    assert all(bell.ring() for _ in range(100))

    assert queue.count == 1


def test_a_ring_after_the_wakeup_started_is_a_new_one(bell: Bell, queue: Queue) -> None:
    bell.ring()
    bell.clear()
    bell.ring()

    assert queue.count == 2


def test_a_marker_whose_job_was_lost_does_not_silence_the_bell_for_ever(bell: Bell, redis: Redis) -> None:
    bell.ring()

    assert 0 < redis.ttl("lead-gateway:wakeup") <= 30


def test_a_scheduled_wakeup_never_comes_before_it_is_due(bell: Bell, queue: Queue) -> None:
    due = datetime.now(UTC) + timedelta(seconds=60.4)

    assert bell.ring_at(due)

    (at,) = scheduled(queue)
    assert timedelta(0) <= at - due < timedelta(seconds=1)


def test_wakeups_for_the_same_second_are_one(bell: Bell, queue: Queue) -> None:
    due = datetime(2040, 1, 1, 12, 0, 0, 100_000, tzinfo=UTC)
    for microseconds in range(0, 900_000, 100_000):
        bell.ring_at(due + timedelta(microseconds=microseconds))
    bell.ring_at(due + timedelta(seconds=1))

    assert len(scheduled(queue)) == 2


def test_jobs_are_json_so_that_a_writer_to_redis_cannot_run_code(bell: Bell, queue: Queue, redis: Redis) -> None:
    bell.ring()

    (job,) = queue.jobs
    data = redis.hget(job.key, "data")
    assert isinstance(data, bytes)
    assert json.loads(zlib.decompress(data))[0] == WAKEUP_JOB


def test_nothing_is_kept_of_a_finished_wakeup(bell: Bell, queue: Queue) -> None:
    bell.ring()

    assert queue.jobs[0].result_ttl == 0


def test_an_unreachable_redis_is_told_and_not_raised() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        bell = Bell(connect(RedisSettings(REDIS_URL=SecretStr(f"redis://127.0.0.1:{unused.getsockname()[1]}/0"))))

        assert not bell.ring()
        assert not bell.ring_at(datetime.now(UTC))
        assert not bell.clear()
