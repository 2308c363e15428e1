"""The count across webhooks, in a real Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import redis

from leadgateway.settings import RedisSettings
from leadgateway_webhook.rate_limit import Grant, RedisCounter

KEY = "default/solar"


def counting(url: str, test: Callable[[RedisCounter, RedisCounter], Awaitable[None]]) -> None:
    async def run() -> None:
        one, other = RedisCounter(RedisSettings(REDIS_URL=url)), RedisCounter(RedisSettings(REDIS_URL=url))
        try:
            await test(one, other)
        finally:
            await one.close()
            await other.close()

    asyncio.run(run())


def test_what_one_process_grants_another_does_not(valkey_url: str) -> None:
    async def test(one: RedisCounter, other: RedisCounter) -> None:
        assert await one.take(KEY, 5, 3) == Grant(3, 0.0)
        grant = await other.take(KEY, 5, 4)

        assert grant.granted == 2
        assert 55 < grant.retry_after <= 60

    counting(valkey_url, test)


def test_a_limit_that_changes_applies_at_once(valkey_url: str) -> None:
    async def test(one: RedisCounter, _: RedisCounter) -> None:
        await one.take(KEY, 5, 5)

        assert (await one.take(KEY, 3, 1)).granted == 0
        assert (await one.take(KEY, 7, 5)).granted == 2

    counting(valkey_url, test)


def test_no_more_is_kept_than_needed_and_nothing_for_longer_than_a_minute(valkey_url: str) -> None:
    async def test(one: RedisCounter, _: RedisCounter) -> None:
        await one.take(KEY, 50, 50)
        await one.take(KEY, 60, 5)

    counting(valkey_url, test)

    with redis.Redis.from_url(valkey_url) as client:
        [key] = client.keys("*")
        assert client.llen(key.decode()) == 55
        assert 55_000 < client.pttl(key) <= 60_000


def test_a_post_passes_once_an_earlier_one_is_a_minute_old(valkey_url: str) -> None:
    async def test(one: RedisCounter, _: RedisCounter) -> None:
        await one.take(KEY, 2, 2)
        with redis.Redis.from_url(valkey_url) as client:
            [key] = client.keys("*")
            oldest = int(client.lindex(key.decode(), 1) or 0)
            client.lset(key.decode(), 1, str(oldest - 60_000))

        assert (await one.take(KEY, 2, 2)).granted == 1

    counting(valkey_url, test)


def test_a_server_that_forgot_the_script_is_told_it_again(valkey_url: str) -> None:
    async def test(one: RedisCounter, _: RedisCounter) -> None:
        await one.take(KEY, 5, 1)
        with redis.Redis.from_url(valkey_url) as client:
            client.script_flush()

        assert (await one.take(KEY, 5, 1)).granted == 1

    counting(valkey_url, test)
