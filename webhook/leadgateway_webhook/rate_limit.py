"""How many posts a minute a route takes: counted in Redis across all webhooks, by each for itself while Redis is away.

The limit is exact: the times of the last `limit` posts that passed are kept, and the next one passes when the
`limit`-th before it is a minute old. So no 60 seconds ever hold more, a source that keeps to its limit is never
refused, and Retry-After is when a post will pass. Refused posts are not counted.

While Redis is away each process grants its share, `limit / replicas` (at least one), counted over the posts that it
let pass itself, also before Redis went. In the minute after Redis comes back empty, up to twice the limit may pass.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from leadgateway.settings import RedisSettings
from leadgateway_webhook.errors import RateLimited

PERIOD_SECONDS = 60.0
_ANSWER_SECONDS = 0.15
"""Longer than this no post waits for Redis."""
_PROBE_SECONDS = 1.0

_KEY = "lead-gateway:rate:"
# The clock is Redis' own, so that the clocks of the webhooks don't matter.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, wanted, period = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local granted, wait = 0, 0
while granted < wanted do
  local oldest = redis.call('LINDEX', KEYS[1], limit - 1)
  if oldest and now - oldest < period then
    wait = period - (now - oldest)
    break
  end
  redis.call('LPUSH', KEYS[1], now)
  granted = granted + 1
end
if granted > 0 then
  redis.call('LTRIM', KEYS[1], 0, limit - 1)
  redis.call('PEXPIRE', KEYS[1], period)
end
return {granted, wait}
"""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """How many of the posts asked for may pass, and the seconds until one more may."""

    granted: int
    retry_after: float


class Window:
    """The times of the posts of one route that passed in this process, newest last."""

    def __init__(self) -> None:
        """Start with none."""
        self._passed: deque[float] = deque()

    def record(self, count: int, limit: int, now: float) -> None:
        """Note that `count` posts passed at `now`; more than the last `limit` are never needed."""
        self._passed.extend([now] * count)
        while len(self._passed) > limit:
            self._passed.popleft()

    def take(self, wanted: int, limit: int, now: float) -> Grant:
        """Let up to `wanted` posts pass at `now` (seconds of a clock that never runs back), `limit` a minute."""
        while self._passed and now - self._passed[0] >= PERIOD_SECONDS:
            self._passed.popleft()
        excess = len(self._passed) - limit
        granted = min(wanted, max(-excess, 0))
        self._passed.extend([now] * granted)
        if granted == wanted:
            return Grant(granted, 0.0)
        return Grant(granted, PERIOD_SECONDS - (now - self._passed[len(self._passed) - limit]))


class Counter(Protocol):
    """The count across webhooks."""

    async def take(self, key: str, limit: int, wanted: int) -> Grant:
        """Let up to `wanted` posts of a route pass. Raises RedisError when nobody can tell."""

    async def probe(self) -> None:
        """Raises RedisError while nobody can tell."""


class RedisCounter:
    """The count across webhooks, in Redis."""

    def __init__(self, settings: RedisSettings) -> None:
        """Connect on first use."""
        self._redis: Redis = Redis.from_url(
            settings.url.get_secret_value(),
            socket_connect_timeout=_ANSWER_SECONDS,
            socket_timeout=_ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._redis.register_script(_TAKE)

    async def take(self, key: str, limit: int, wanted: int) -> Grant:
        """See `Counter`."""
        granted, wait = await self._script(keys=[_KEY + key], args=[limit, wanted, int(PERIOD_SECONDS * 1000)])
        return Grant(granted, wait / 1000)

    async def probe(self) -> None:
        """See `Counter`."""
        await self._redis.ping()

    async def close(self) -> None:
        """End the connections."""
        await self._redis.aclose()


def _settle(waiting: list[asyncio.Future[float | None]], grant: Grant) -> None:
    for place, answer in enumerate(waiting):
        if not answer.done():
            answer.set_result(None if place < grant.granted else grant.retry_after)


def _fail(waiting: list[asyncio.Future[float | None]], error: Exception) -> None:
    for answer in waiting:
        if not answer.done():
            answer.set_exception(error)


class _Route:
    """The posts of one route that wait for a decision, and those that passed."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[float | None]] = []
        self.asking: asyncio.Task[None] | None = None
        self.window = Window()


class RateLimiter:
    """Decides for every post of a limited route. Posts that arrive while a question is out share the next one."""

    def __init__(self, counter: Counter, *, replicas: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any count.

        Args:
            counter: The count across webhooks.
            replicas: Number of webhook processes, for the share while it is away.
            clock: Seconds, never running back.
        """
        self._counter = counter
        self._replicas = replicas
        self._clock = clock
        self._routes: dict[str, _Route] = {}
        self._probing: asyncio.Task[None] | None = None

    @property
    def is_counting_alone(self) -> bool:
        """Whether the count across webhooks is away."""
        return self._probing is not None

    async def admit(self, key: str, limit: int) -> None:
        """Let one post of a route pass.

        Args:
            key: The route's key.
            limit: Posts a minute.

        Raises:
            RateLimited: It may not.
        """
        route = self._routes.get(key) or self._routes.setdefault(key, _Route())
        answer: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
        route.waiting.append(answer)
        if route.asking is None:
            route.asking = asyncio.create_task(self._decide(key, route, limit))
        retry_after = await answer
        if retry_after is not None:
            raise RateLimited(retry_after)

    def forget(self, keys: Collection[str]) -> None:
        """Drop the counts of all routes but these."""
        for key in self._routes.keys() - set(keys):
            if self._routes[key].asking is None:
                del self._routes[key]

    async def close(self) -> None:
        """End the background work."""
        if self._probing is not None:
            self._probing.cancel()

    async def _decide(self, key: str, route: _Route, limit: int) -> None:
        while route.waiting:
            waiting, route.waiting = route.waiting, []
            try:
                grant = await self._take(key, route, limit, len(waiting))
            except Exception as error:
                _fail(waiting, error)
            else:
                _settle(waiting, grant)
        route.asking = None

    async def _take(self, key: str, route: _Route, limit: int, wanted: int) -> Grant:
        if self._probing is None:
            try:
                grant = await self._counter.take(key, limit, wanted)
            except RedisError as error:
                self._count_alone(error)
            else:
                route.window.record(grant.granted, limit, self._clock())
                return grant
        return route.window.take(wanted, max(limit // self._replicas, 1), self._clock())

    def _count_alone(self, error: RedisError) -> None:
        if self._probing is None:
            _log.warning("rate_limit.redis_away", error_type=type(error).__name__, replicas=self._replicas)
            self._probing = asyncio.create_task(self._probe())

    async def _probe(self) -> None:
        while True:
            await asyncio.sleep(_PROBE_SECONDS)
            try:
                await self._counter.probe()
            except RedisError:
                continue
            _log.info("rate_limit.redis_back")
            self._probing = None
            return
