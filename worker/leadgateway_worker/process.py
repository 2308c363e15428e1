"""The worker process, put together: wake-ups in the main thread, the pump in its own, the status port beside them."""

from __future__ import annotations

import gc
import os
import resource
import secrets
import signal
import socket
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from types import FrameType

import structlog

from leadgateway.queue import Bell, connect
from leadgateway.route.snapshot import Retention, RouteKey
from leadgateway.route.table import RouteTable
from leadgateway.route.watcher import RouteTableWatcher
from leadgateway.settings import DatabaseSettings, RedisSettings, TracingSettings, WorkerSettings
from leadgateway.store.connection import Engine
from leadgateway.store.engine import create_store_engine
from leadgateway.telemetry.build import tell_build
from leadgateway.telemetry.catalogue import Role
from leadgateway.telemetry.route_state import route_details
from leadgateway.telemetry.status_port import Health, StatusPort
from leadgateway.telemetry.tracing import open_tracing
from leadgateway_worker import metrics
from leadgateway_worker.backlog_exporter import BacklogExporter
from leadgateway_worker.bulk_actions import bulk_actions
from leadgateway_worker.housekeeping import HousekeepingThread, expired_keys
from leadgateway_worker.indexing import INTERVAL_SECONDS, Indexing
from leadgateway_worker.listening import Listener
from leadgateway_worker.pump import Pump, PumpSettings, Routes
from leadgateway_worker.pump_thread import PumpThread
from leadgateway_worker.retention import apply_retention, old_openings, retention_of
from leadgateway_worker.spans import lead_spans
from leadgateway_worker.wakeup import SchedulerThread

_STATEMENT_SECONDS = 30
# Claims and results have a connection each;
_LEAD_CONNECTIONS = 2
# housekeeping, indexing and the backlog, too.
_CHORE_CONNECTIONS = 3
_SILENT_SECONDS = 30.0
"""A pump whose loop has not moved for so long hangs."""
# Sockets of deliveries, with room for the database, Redis, files and the status port.
_DESCRIPTORS_BESIDE_DELIVERIES = 256
# Young objects at which Python looks for cycles: at its own 700 it would do so several times per look for leads.
_GC_THRESHOLD = 20_000

_log = structlog.get_logger(__name__)


class PortUnavailable(Exception):
    """The status port can't be listened on; the message names it, and the option that moves it."""


class Worker:
    """One worker process: its status port listens from the moment it is made, leads are taken while `run` runs."""

    def __init__(
        self, settings: WorkerSettings, database: DatabaseSettings, redis: RedisSettings, *, tracing: TracingSettings
    ) -> None:
        """Put the parts together. Neither PostgreSQL nor Redis need be there yet.

        Args:
            settings: The worker's own.
            database: Where PostgreSQL is.
            redis: Where Redis is.
            tracing: Whether it records spans.

        Raises:
            InvalidSettings: It shall record spans, and can't.
            PortUnavailable: The status port is taken.
        """
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._name = name
        self._capacity = settings.max_in_flight
        self._tracing = open_tracing("worker", tracing)
        self._bell = Bell(connect(redis))
        self._leads = _engine(database, connections=_LEAD_CONNECTIONS, plans_lookups=True)
        self._chores = _engine(database, connections=_CHORE_CONNECTIONS)
        self._pump = Pump(
            _pump_settings(settings, name),
            engine=self._leads,
            routes=self._routes,
            bell=self._bell,
            spans=lead_spans(self._tracing),
        )
        self._watcher = RouteTableWatcher(
            settings.config_dir, on_swap=self._after_swap, interval=settings.config_poll_seconds
        )
        self._thread = PumpThread(self._pump, died=_end_process)
        self._listener = Listener(redis, name=name, pump=self._pump, bell=self._bell)
        self._scheduler = SchedulerThread(lambda: connect(redis))
        self._deleted_routes = Retention(
            payload=timedelta(days=settings.deleted_route_payload_days),
            records=timedelta(days=settings.deleted_route_records_days),
        )
        self._housekeeping = HousekeepingThread(
            self._chores,
            [
                expired_keys,
                lambda engine: apply_retention(engine, self._retention_of),
                partial(old_openings, older_than=timedelta(days=settings.breaker_openings_days)),
            ],
            interval=settings.housekeeping_seconds,
        )
        self._indexing = HousekeepingThread(
            self._chores, [Indexing(), partial(bulk_actions, progressed=self._pump.wake)], interval=INTERVAL_SECONDS
        )
        self._backlog = BacklogExporter(
            self._chores, self._routes, interval=settings.backlog_seconds, metrics=metrics.backlog
        )
        self._status = _status_port(settings, self)
        self._stopping = False
        self._expose()

    def run(self) -> int:
        """Work until SIGTERM or SIGINT, and a little longer for what is in flight.

        Returns:
            The exit status: 0, or 1 if the pump died.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._leave)
        _allow_open_files(self._capacity + _DESCRIPTORS_BESIDE_DELIVERIES)
        self._watcher.start()
        self._status.start()
        self._scheduler.start()
        self._housekeeping.start()
        self._indexing.start()
        self._backlog.start()
        # What was imported stays: without this, every full collection would walk through all of it.
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD, 20, 20)
        self._thread.start()
        _log.info("worker.started", worker=self._name, status_port=self._status.port)
        self._listener.run()
        return self._end()

    def health(self) -> Health:
        """Tell how the process is."""
        moving = self._thread.is_alive() and self._pump.silent_seconds < _SILENT_SECONDS
        table = self._watcher.table
        return Health(
            alive=moving,
            ready=self._pump.has_looked and table.is_loaded,
            details={
                "pump": "ok" if moving else "dead",
                "database": "ok" if self._pump.database_available else "unavailable",
                "redis": "ok" if self._listener.connected else "unavailable",
                **route_details(table, self._watcher.faults),
            },
        )

    def _expose(self) -> None:
        """Say where the gauges are read from when they are scraped."""
        tell_build(Role.WORKER)
        metrics.routes.observe(lambda: self._watcher.table, lambda: self._watcher.faults)
        metrics.database_connections.set_function(lambda: self._leads.open_connections + self._chores.open_connections)
        metrics.redis_available.set_function(lambda: self._listener.connected)
        metrics.scheduler_active.set_function(lambda: self._scheduler.active)

    def _after_swap(self, table: RouteTable) -> None:
        metrics.routes.swapped(table)
        metrics.forget_all_but(table.by_key)
        self._pump.wake()

    def _routes(self) -> Routes:
        return self._watcher.table.by_key

    def _retention_of(self, route: RouteKey) -> Retention | None:
        return retention_of(route, self._watcher.table, self._watcher.faults, deleted=self._deleted_routes)

    def hashes(self) -> Mapping[str, str]:
        """The config hash of each route that is loaded, by its key."""
        return self._watcher.table.hashes()

    def about_routes(self) -> Mapping[str, object]:
        """What `/routes` tells beside the hashes: which circuit breakers are open."""
        return {
            "open_breakers": {
                route: {
                    "opened_at": breaker.opening.opened_at.isoformat(),
                    "probe_at": breaker.opening.probe_at.isoformat(),
                    "probes": breaker.opening.probes,
                }
                for route, breaker in self._pump.open_breakers.items()
            }
        }

    def _leave(self, number: int, _: FrameType | None) -> None:
        if self._stopping:
            _log.warning("worker.ended_at_once", signal=signal.Signals(number).name)
            os._exit(128 + number)
        self._stopping = True
        _log.info("worker.stopping", signal=signal.Signals(number).name)
        self._pump.stop()
        self._listener.stop()

    def _end(self) -> int:
        self._thread.join()
        self._scheduler.stop()
        self._housekeeping.stop()
        self._indexing.stop()
        self._backlog.stop()
        self._watcher.stop()
        self._status.close()
        self._leads.dispose()
        self._chores.dispose()
        if self._tracing is not None:
            self._tracing.close()
        _log.info("worker.ended", failed=self._thread.failed)
        return 1 if self._thread.failed else 0


def _engine(database: DatabaseSettings, *, connections: int, plans_lookups: bool = False) -> Engine:
    return create_store_engine(
        database,
        application_name="leadgateway worker",
        statement_timeout=timedelta(seconds=_STATEMENT_SECONDS),
        pool_size=connections,
        plans_lookups=plans_lookups,
    )


def _pump_settings(settings: WorkerSettings, name: str) -> PumpSettings:
    return PumpSettings(
        worker=name,
        capacity=settings.max_in_flight,
        lease_margin=timedelta(seconds=settings.lease_margin_seconds),
        sweep_seconds=settings.sweep_seconds,
        grace_seconds=settings.grace_seconds,
        allow_private_networks=settings.allow_private_networks,
        pass_trace_context=settings.pass_trace_context,
    )


def _status_port(settings: WorkerSettings, worker: Worker) -> StatusPort:
    try:
        return StatusPort(
            settings.status_host,
            settings.status_port,
            health=worker.health,
            routes=worker.hashes,
            about_routes=worker.about_routes,
        )
    except OSError as error:
        raise PortUnavailable(
            f"the status port {settings.status_host}:{settings.status_port} can't be listened on "
            f"({os.strerror(error.errno or 0).lower()}): end what listens there, or move ours with --status-port"
        ) from None


def _end_process() -> None:
    """End the main thread as a signal from outside would: without the pump the process is of no use."""
    os.kill(os.getpid(), signal.SIGTERM)


def _allow_open_files(number: int) -> None:
    """Raise the limit of open files as far as we may: the usual 1,024 are few for many deliveries."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
