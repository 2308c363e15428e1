"""The bell and the clock: RQ jobs that wake workers, at once or at a time.

A job carries no lead: which leads are due stands in PostgreSQL, and a job only says "look". So losing Redis loses
nothing; the workers' own sweep finds later what a job would have announced at once.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from leadgateway.optional_imports import left_out
from leadgateway.settings import RedisSettings
from leadgateway.telemetry.catalogue import shared

# Metrics of the client itself, and a check of certificates that we don't turn on.
with left_out("opentelemetry", "opentelemetry.sdk", "cryptography", "OpenSSL"):
    from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

QUEUE_NAME = "lead-gateway-wakeups"
WAKEUP_JOB = "leadgateway_worker.wakeup.wake"
"""Named, not imported: core imports none of the apps."""

_MARKER = "lead-gateway:wakeup"
# A marker that outlives its job (a worker died between the two) silences the bell for this long at the most;
# meanwhile the sweep of the other workers finds what is due.
_MARKER_TTL = timedelta(seconds=30)
_JOB_TIMEOUT_SECONDS = 10
_FAILURE_TTL_SECONDS = 3600
_CONNECT_SECONDS = 1.0
_ANSWER_SECONDS = 2.0

_rung = shared.WAKEUPS_SENT.register()
_log = structlog.get_logger(__name__)


def connect(settings: RedisSettings, *, answer_seconds: float | None = _ANSWER_SECONDS) -> Redis:
    """A client for short commands: gives up quickly, since nothing may wait for Redis.

    Args:
        settings: Where Redis is.
        answer_seconds: How long one command may take; None for no limit, as blocking reads need.
    """
    url = settings.url.get_secret_value()
    options: dict[str, Any] = {"socket_timeout": answer_seconds, "health_check_interval": 15}
    if not url.startswith("unix:"):
        options |= {"socket_connect_timeout": _CONNECT_SECONDS, "socket_keepalive": True}
    # One retry, for the connection that a restarted server has closed; more would only make callers wait.
    return Redis.from_url(url, retry=Retry(NoBackoff(), 1), **options)


class Bell:
    """Wakes workers. Best effort by design: no method raises when Redis can't be reached."""

    def __init__(self, connection: Redis) -> None:
        """Use a connection of its own (see `connect`); thread-safe as the connection is."""
        self._redis = connection
        # JSON, not pickle: whoever can write to Redis must not be able to run code in a worker.
        self._queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)

    def ring(self) -> bool:
        """Wake a worker now, unless a wake-up is waiting already.

        Returns:
            Whether Redis took the wake-up or has one waiting.
        """
        try:
            if not self._redis.set(_MARKER, b"1", nx=True, ex=_MARKER_TTL):
                return _count("now", "waiting")
            self._queue.enqueue(WAKEUP_JOB, **_JOB_OPTIONS)
        except RedisError as error:
            return _failed("now", error)
        return _count("now", "sent")

    def ring_at(self, due: datetime) -> bool:
        """Wake a worker when something falls due; wake-ups of the same second are one.

        Args:
            due: When, with a time zone; the wake-up comes in the first full second that is not before it.
        """
        second = math.ceil(due.timestamp())
        lifetime = max(second - math.floor(datetime.now(UTC).timestamp()), 0) + _MARKER_TTL.seconds
        try:
            if not self._redis.set(f"{_MARKER}:{second}", b"1", nx=True, ex=lifetime):
                return _count("scheduled", "waiting")
            self._queue.enqueue_at(datetime.fromtimestamp(second, UTC), WAKEUP_JOB, **_JOB_OPTIONS)
        except RedisError as error:
            return _failed("scheduled", error)
        return _count("scheduled", "sent")

    def clear(self) -> bool:
        """Let the next `ring` through: called by a worker before it looks for leads, never after.

        (After would silence a wake-up for a lead that was stored between the look and the clearing.)
        """
        try:
            self._redis.delete(_MARKER)
        except RedisError as error:
            return _failed("clear", error)
        return True


_JOB_OPTIONS = {"job_timeout": _JOB_TIMEOUT_SECONDS, "result_ttl": 0, "failure_ttl": _FAILURE_TTL_SECONDS}


def _count(kind: str, outcome: str) -> bool:
    _rung.labels(kind, outcome).inc()
    return True


def _failed(kind: str, error: RedisError) -> bool:
    _rung.labels(kind, "unreachable").inc()
    _log.debug("wakeup.unreachable", kind=kind, error_type=type(error).__name__)
    return False
