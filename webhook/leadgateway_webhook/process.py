"""The webhook process, put together.

One event loop for the posts; a thread each for the commits, the wake-ups, the route table and the status port.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
import time
from collections.abc import Mapping
from datetime import timedelta

import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp

from leadgateway.queue import Bell, connect
from leadgateway.route.table import RouteTable
from leadgateway.route.watcher import RouteTableWatcher
from leadgateway.settings import DatabaseSettings, LogSettings, RedisSettings, TracingSettings, WebhookSettings
from leadgateway.store.intake import Answer, NewLead
from leadgateway.telemetry.build import tell_build
from leadgateway.telemetry.catalogue import Role
from leadgateway.telemetry.route_state import route_details
from leadgateway.telemetry.status_port import Health, StatusPort
from leadgateway.telemetry.tracing import open_tracing
from leadgateway_webhook.access_log import AccessLog, BufferedAccessLog, NoAccessLog
from leadgateway_webhook.app import create_app
from leadgateway_webhook.database import LeadStore
from leadgateway_webhook.health import Vitals, judge
from leadgateway_webhook.intake import Intake, Policy
from leadgateway_webhook.listening import BACKLOG, explaining, listen
from leadgateway_webhook.metrics import Metrics
from leadgateway_webhook.protocol import MAX_CONNECTIONS, IntakeProtocol
from leadgateway_webhook.rate_limit import RateLimiter, RedisCounter
from leadgateway_webhook.spans import post_spans
from leadgateway_webhook.wakeups import Wakeups
from leadgateway_webhook.writer import BatchWriter, Limits

_KEEP_ALIVE_SECONDS = 75
"""Longer than proxies keep idle connections (nginx: 60 s), so that it is never us who closes one under a request."""
_LAST_SECONDS = 3.0
"""What is kept of the grace period for the queue and the threads, after the connections."""

_log = structlog.get_logger(__name__)


class Webhook:
    """One webhook process: listens from the moment it is made, answers while `run` runs."""

    def __init__(
        self,
        settings: WebhookSettings,
        database: DatabaseSettings,
        redis: RedisSettings,
        *,
        logs: LogSettings,
        tracing: TracingSettings,
    ) -> None:
        """Put the parts together. Neither PostgreSQL nor Redis need be there yet.

        Args:
            settings: The webhook's own.
            database: Where PostgreSQL is.
            redis: Where Redis is.
            logs: How it logs.
            tracing: Whether it records spans.

        Raises:
            InvalidSettings: It shall record spans, and can't.
            PortUnavailable: One of the two ports is taken.
        """
        self._settings = settings
        self._tracing = open_tracing("webhook", tracing)
        self._metrics = Metrics()
        self._store = LeadStore(database, statement_timeout=timedelta(seconds=settings.answer_seconds))
        self._wakeups = Wakeups(Bell(connect(redis)))
        self._writer: BatchWriter[NewLead, Answer] = BatchWriter(
            self._store,
            limits=Limits(max_queued=settings.max_queued_leads, answer_seconds=settings.answer_seconds),
            on_commit=self._after_commit,
        )
        self._counter = RedisCounter(redis)
        self._limiter = RateLimiter(self._counter, replicas=settings.replicas)
        self._watcher = RouteTableWatcher(
            settings.config_dir, on_swap=self._after_swap, interval=settings.config_poll_seconds
        )
        self._intake = Intake(
            self._watcher,
            self._writer,
            self._limiter,
            policy=_policy(settings),
            metrics=self._metrics,
            access_log=_access_log(logs),
            spans=post_spans(self._tracing),
        )
        self._listener = listen(settings.host, settings.port, remedy="--port or LEADGATEWAY_WEBHOOK_PORT")
        with explaining(
            settings.status_host, settings.status_port, remedy="--status-port or LEADGATEWAY_WEBHOOK_STATUS_PORT"
        ):
            self._status = StatusPort(
                settings.status_host, settings.status_port, health=self._health, routes=self._hashes
            )
        self._server = _server(create_app(self._intake), settings, self._metrics)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._last_beat = time.monotonic()
        self._metrics.observe(
            queued=lambda: self._writer.queued,
            held=lambda: self._intake.budget.used,
            database=lambda: self._writer.condition == "ok",
            connections=lambda: self._store.open_connections,
            redis=lambda: not self._limiter.is_counting_alone,
        )
        tell_build(Role.WEBHOOK)
        self._metrics.routes.observe(lambda: self._watcher.table, lambda: self._watcher.faults)

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then answer what was accepted and end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._leave)
        _allow_connections()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    def _leave(self, *_: object) -> None:
        # uvicorn handles signals itself while it serves; this is for those that come before, and for the one that it
        # raises again afterwards.
        self._server.should_exit = True

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._watcher.start()
        self._writer.start()
        self._wakeups.start()
        self._status.start()
        # What was imported stays; without this, each full collection walks through all of it in mid-post.
        gc.freeze()
        keeper = asyncio.create_task(self._keep())
        address = self._listener.getsockname()
        _log.info("webhook.listening", host=address[0], port=address[1], status_port=self._status.port)
        try:
            await self._server.serve(sockets=[self._listener])
        finally:
            keeper.cancel()
            await self._end()

    async def _end(self) -> None:
        if not await self._writer.stop(within=_LAST_SECONDS):
            _log.warning("webhook.unfinished", queued=self._writer.queued, database=self._writer.condition)
        self._intake.close()
        await asyncio.to_thread(self._wakeups.stop, 1.0)
        await self._limiter.close()
        await self._counter.close()
        await asyncio.to_thread(self._watcher.stop)
        await asyncio.to_thread(self._status.close)
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)
        _log.info("webhook.ended")

    async def _keep(self) -> None:
        """Once a second: show that the loop moves, and end connections whose source takes too long."""
        loop = asyncio.get_running_loop()
        while True:
            self._last_beat = time.monotonic()
            for connection in list(self._server.server_state.connections):
                if isinstance(connection, IntakeProtocol):
                    connection.end_if_overdue(loop.time())
            await asyncio.sleep(1)

    def _after_commit(self, leads: int, seconds: float) -> None:
        self._wakeups.announce()
        self._metrics.committed(leads, seconds)

    def _after_swap(self, table: RouteTable) -> None:
        """Called by the watcher's thread: counts belong to the loop."""
        self._metrics.routes.swapped(table)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._forget_routes_but, frozenset(table.hashes()))

    def _forget_routes_but(self, keys: frozenset[str]) -> None:
        self._limiter.forget(keys)
        self._metrics.forget(keys)

    def _hashes(self) -> Mapping[str, str]:
        return self._watcher.table.hashes()

    def _health(self) -> Health:
        table = self._watcher.table
        return judge(
            Vitals(
                has_routes=table.is_loaded,
                has_seen_schema=self._store.has_seen_schema,
                is_leaving=self._server.should_exit,
                is_writing=self._writer.is_alive,
                last_beat=self._last_beat,
                details={
                    "database": self._writer.condition,
                    "rate_limits": "counted alone" if self._limiter.is_counting_alone else "shared",
                    **route_details(table, self._watcher.faults),
                },
            )
        )


def _allow_connections() -> None:
    """Raise the soft limit of file descriptors (often 1024) to what the connections need, if the hard one allows it."""
    wanted = MAX_CONNECTIONS + 256
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _access_log(logs: LogSettings) -> AccessLog:
    wanted = logs.access or logs.level == "debug"
    return BufferedAccessLog(logs.format) if wanted else NoAccessLog()


def _policy(settings: WebhookSettings) -> Policy:
    return Policy(
        max_body_bytes=settings.max_body_bytes,
        max_held_bytes=settings.max_queued_bytes,
        key_lifetime=timedelta(hours=settings.idempotency_key_hours),
        patience_seconds=settings.answer_seconds,
    )


def _server(app: ASGIApp, settings: WebhookSettings, metrics: Metrics) -> uvicorn.Server:
    # uvicorn warns once for every request that is no HTTP, which lets anybody fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    protocol = type("CountedProtocol", (IntakeProtocol,), {"count_refusal": staticmethod(metrics.refused)})
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(int(settings.grace_seconds - _LAST_SECONDS), 1),
        )
    )
