"""Takes wake-ups in the main thread, whenever Redis is there, until a signal ends it."""

from __future__ import annotations

import time
from functools import partial

import structlog
from redis.exceptions import RedisError
from rq.exceptions import StopRequested

from leadgateway.queue import Bell, connect
from leadgateway.settings import RedisSettings
from leadgateway_worker.pump import Pump
from leadgateway_worker.wakeup import WakeupWorker, wake

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class Listener:
    """Runs one RQ worker after the other: each ends when Redis goes away, and the next begins when it is back."""

    def __init__(self, redis: RedisSettings, *, name: str, pump: Pump, bell: Bell) -> None:
        """See `run`.

        Args:
            redis: Where Redis is; it need not be there.
            name: Unique among all workers.
            pump: Of this process.
            bell: Of the same Redis.
        """
        self._redis = redis
        self._name = name
        self._woken = partial(wake, pump.wake, bell)
        self._await_rest = pump.await_rest
        self._worker: WakeupWorker | None = None
        self._lives = 0
        self._stopping = False

    @property
    def connected(self) -> bool:
        """Whether an RQ worker is at work, as far as we know."""
        return self._worker is not None

    def run(self) -> None:
        """Take wake-ups until `stop` is called. For the main thread."""
        wait = _FIRST_WAIT_SECONDS
        try:
            while not self._stopping:
                began = time.monotonic()
                self._listen()
                steady = time.monotonic() - began > _LONGEST_WAIT_SECONDS
                wait = _FIRST_WAIT_SECONDS if steady else min(wait * 2, _LONGEST_WAIT_SECONDS)
                time.sleep(wait)
        except StopRequested:
            return

    def stop(self) -> None:
        """End `run`: to be called by a signal handler, in the middle of whatever it does.

        Raises:
            StopRequested: To interrupt a blocking read.
        """
        self._stopping = True
        if self._worker is not None:
            self._worker.ask_to_stop()  # should something inside RQ or redis-py swallow the exception
        raise StopRequested

    def _listen(self) -> None:
        connection = connect(self._redis, answer_seconds=None)
        self._lives += 1
        try:
            # The entry of the worker before lives on in Redis for a while; RQ refuses the same name.
            self._worker = WakeupWorker(
                connection, name=f"{self._name}-{self._lives}", woken=self._woken, await_rest=self._await_rest
            )
            _log.info("redis.available")
            self._worker.work(logging_level="WARNING")
        except RedisError as error:
            level = _log.info if self._worker is not None or self._lives == 1 else _log.debug
            level("redis.unavailable", error_type=type(error).__name__)
        finally:
            self._worker = None
            connection.close()
