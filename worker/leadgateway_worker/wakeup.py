"""Wake-ups from the queue: an RQ worker that runs no code from Redis, and RQ's scheduler as a thread.

RQ calls whatever function a job names, and whatever callbacks it names: who can write to Redis could run code here. So
no job of this queue is performed. Each is taken, thrown away, and understood as one thing: look at the database.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer
from rq.utils import now

from leadgateway.queue import QUEUE_NAME, Bell
from leadgateway_worker import metrics

# How long one blocking read for a job lasts is this less 15 s (RQ); a server that vanished without a word is noticed
# 10 s later. The worker's entry in Redis lives for this long plus a minute.
_WORKER_TTL_SECONDS = 30
_HEARTBEAT_SECONDS = 5.0
_LONGEST_WAIT_SECONDS = 5.0
_FIRST_WAIT_SECONDS = 0.5
_LAST_SECONDS = 3.0
# While leads pour in, each commit of the webhook would be a wake-up; one in this time is enough, since the pump takes
# all that is due.
_PACE_SECONDS = 0.05
# While the pump looks by itself, a wake-up would tell it nothing: it is left in the queue, where an idle worker may
# take it, and where it makes further ones needless. So a steady flow costs one in this time, not one a lead.
_LONGEST_REFUSAL_SECONDS = 1.0

_log = structlog.get_logger(__name__)


def wake(pump: Callable[[], None], bell: Bell) -> None:
    """Do what a wake-up job stands for.

    The bell's marker is cleared first: a lead that is stored after the pump's look rings again.

    Args:
        pump: Wakes the pump of this process.
        bell: Of the queue the job came from.
    """
    bell.clear()
    pump()


class WakeupWorker(SimpleWorker):
    """An RQ worker whose every job is a wake-up."""

    max_connection_wait_time = _LONGEST_WAIT_SECONDS

    def __init__(
        self,
        connection: Redis,
        *,
        name: str,
        woken: Callable[[], None],
        await_rest: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        """Announce a worker at Redis.

        Args:
            connection: For blocking reads.
            name: Unique among all workers.
            woken: Called for each wake-up.
            await_rest: Called before each wake-up is taken: returns once one is of use, or after so many seconds.

        Raises:
            RedisError: Redis can't be reached.
        """
        super().__init__(
            [QUEUE_NAME],
            name=name,
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=_WORKER_TTL_SECONDS,
            log_job_description=False,
        )
        self._beaten_at = -_HEARTBEAT_SECONDS
        self._woken = woken
        self._await_rest = await_rest
        self._woken_at = 0.0

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Take a job, as RQ does, but not while the pump needs none."""
        self._await_rest(_LONGEST_REFUSAL_SECONDS)
        return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Take a job away and wake the pump; what the job says is not read."""
        with self.connection.pipeline() as pipeline:
            pipeline.lrem(queue.intermediate_queue_key, 1, job.id)
            pipeline.delete(job.key)
            pipeline.execute()
        time.sleep(max(self._woken_at + _PACE_SECONDS - time.monotonic(), 0))
        self._woken_at = time.monotonic()
        metrics.wakeups.inc()
        self._woken()

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Tell Redis now and then that the worker is there.

        RQ calls this several times a job, which would cost more than all the rest of a wake-up. And since it does so at
        every turn, here is where a request to stop is noticed.

        Raises:
            StopRequested: It was.
        """
        if self._stop_requested:
            raise StopRequested
        if time.monotonic() - self._beaten_at >= _HEARTBEAT_SECONDS:
            super().heartbeat(timeout, pipeline)
            self._beaten_at = time.monotonic()

    def ask_to_stop(self) -> None:
        """Make `work` end at its next turn, which may be a blocking read away."""
        self._stop_requested = True

    def run_maintenance_tasks(self) -> None:
        """Throw away jobs that a worker took and then died: a wake-up that old says nothing any more.

        RQ's own maintenance would call the failure callbacks that such jobs name.
        """
        for queue in self.queues:
            taken = IntermediateQueue(queue.key, self.connection)
            keys = [Job.key_for(job_id) for job_id in taken.get_job_ids()]
            self.connection.delete(taken.key, *keys)
        self.last_cleaned_at = now()  # type: ignore[assignment]

    def subscribe(self) -> None:
        """Take no commands from Redis: the process is ended by signals only."""

    def _install_signal_handlers(self) -> None:
        """The process has its own."""


class SchedulerThread:
    """RQ's scheduler, which moves scheduled wake-ups into the queue when they are due, in a thread of this process."""

    def __init__(self, connect: Callable[[], Redis]) -> None:
        """Make a thread; `start` starts it.

        Args:
            connect: Makes a connection; none is used yet.
        """
        self._connect = connect
        self._stopping = threading.Event()
        self._scheduler: _Scheduler | None = None
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    @property
    def active(self) -> bool:
        """Whether this is the one that schedules for all workers, as far as we know."""
        scheduler = self._scheduler
        return scheduler is not None and not scheduler.should_reacquire_locks

    def start(self) -> None:
        """Schedule from now on, whenever Redis is there."""
        self._thread.start()

    def stop(self) -> None:
        """Let another worker's scheduler take over."""
        self._stopping.set()
        self._thread.join(timeout=_LAST_SECONDS)

    def _run(self) -> None:
        wait = _FIRST_WAIT_SECONDS
        while not self._stopping.wait(wait):
            began = time.monotonic()
            try:
                self._scheduler = _Scheduler(self._connect(), self._stopping)
                self._scheduler.work()
            except RedisError as error:
                _log.debug("scheduler.waiting", error_type=type(error).__name__)
            except Exception as error:
                _log.error("scheduler.failed", error_type=type(error).__name__, exc_info=True)
            finally:
                self._scheduler = None
            steady = time.monotonic() - began > _LONGEST_WAIT_SECONDS
            wait = _FIRST_WAIT_SECONDS if steady else min(wait * 2, _LONGEST_WAIT_SECONDS)


class _Scheduler(RQScheduler):
    """RQ's scheduler without what it needs as a process."""

    def __init__(self, connection: Redis, stopping: threading.Event) -> None:
        super().__init__([QUEUE_NAME], connection, serializer=JSONSerializer)
        self._stopping = stopping

    @property
    def should_reacquire_locks(self) -> bool:
        """Ask for the lock at every turn while another scheduler holds it.

        RQ asks once in ten minutes: scheduled wake-ups would stand still that long after that scheduler died, instead
        of the minute that its lock lives.
        """
        return bool(self._queue_names != self.acquired_locks)

    def work(self) -> None:
        """Schedule until asked to stop. RQ's own loop belongs to a process: it takes over the signals and sleeps.

        Raises:
            RedisError: Redis has gone away.
        """
        self.register_birth()
        while True:
            if self.should_reacquire_locks:
                self.acquire_locks()  # type: ignore[no-untyped-call]
            self.heartbeat()  # type: ignore[no-untyped-call]
            self.enqueue_scheduled_jobs()  # type: ignore[no-untyped-call]
            if self._stopping.wait(self.interval):
                self.stop()  # type: ignore[no-untyped-call]
                return
