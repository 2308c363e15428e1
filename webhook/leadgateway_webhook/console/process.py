"""The console process, put together: one event loop, threads for queries, and the status port."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Mapping
from datetime import timedelta

import structlog
import uvicorn
import uvloop

from leadgateway.settings import ConsoleSettings, DatabaseSettings
from leadgateway.store.engine import create_store_engine
from leadgateway.store.errors import StoreError
from leadgateway.store.migrations import schema_is_current
from leadgateway.telemetry.build import tell_build
from leadgateway.telemetry.catalogue import Role
from leadgateway.telemetry.status_port import Health, StatusPort
from leadgateway_webhook.console.access import Access
from leadgateway_webhook.console.app import create_app
from leadgateway_webhook.console.catalogue import RouteCatalogue
from leadgateway_webhook.console.metrics import Metrics
from leadgateway_webhook.listening import explaining, listen

_CONNECTIONS = 8
"""To PostgreSQL; more people than that at the same moment wait for one another."""
_MOST_REQUESTS = 200
_STALLED_SECONDS = 30.0
_LOOK_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class Console:
    """One console process: listens from the moment it is made, answers while `run` runs."""

    def __init__(self, settings: ConsoleSettings, database: DatabaseSettings) -> None:
        """Put the parts together. PostgreSQL need not be there yet.

        Args:
            settings: The console's own.
            database: Where PostgreSQL is.

        Raises:
            PortUnavailable: One of the two ports is taken.
        """
        self._settings = settings
        self._engine = create_store_engine(
            database,
            application_name="leadgateway console",
            statement_timeout=timedelta(seconds=settings.answer_seconds),
            pool_size=_CONNECTIONS,
        )
        self._catalogue = RouteCatalogue(settings.config_dir, interval=settings.config_poll_seconds)
        self._listener = listen(settings.host, settings.port, remedy="--port or LEADGATEWAY_CONSOLE_PORT")
        with explaining(
            settings.status_host, settings.status_port, remedy="--status-port or LEADGATEWAY_CONSOLE_STATUS_PORT"
        ):
            self._status = StatusPort(
                settings.status_host,
                settings.status_port,
                health=self._health,
                routes=self._hashes,
            )
        # uvicorn warns once for every request that is no HTTP, which lets anybody fill the log.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        self._app = create_app(
            Access(settings),
            engine=self._engine,
            catalogue=self._catalogue,
            metrics=Metrics(),
            is_ending=self._is_ending,
        )
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=_MOST_REQUESTS,
                timeout_graceful_shutdown=max(int(settings.grace_seconds), 1),
            )
        )
        tell_build(Role.CONSOLE)
        self._has_seen_schema = False
        self._database = "not tried yet"
        self._last_beat = time.monotonic()

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then finish what is being answered and end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._leave)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    def _leave(self, *_: object) -> None:
        # uvicorn handles signals itself while it serves; this is for those that come before, and for the one that it
        # raises again afterwards.
        self._server.should_exit = True

    def _hashes(self) -> Mapping[str, str]:
        return self._catalogue.current.hashes()

    def _is_ending(self) -> bool:
        return self._server.should_exit

    async def _serve(self) -> None:
        self._catalogue.look()
        self._status.start()
        keeper = asyncio.create_task(self._keep())
        address = self._listener.getsockname()
        _log.info("console.listening", host=address[0], port=address[1], status_port=self._status.port)
        try:
            await self._server.serve(sockets=[self._listener])
        finally:
            keeper.cancel()
            await asyncio.to_thread(self._status.close)
            self._engine.dispose()
            _log.info("console.ended")

    async def _keep(self) -> None:
        """Once a second: show that the loop moves, and see how the routes and the database are."""
        while True:
            self._last_beat = time.monotonic()
            await asyncio.to_thread(self._catalogue.look)
            self._database = await asyncio.to_thread(self._try_database)
            await asyncio.sleep(_LOOK_SECONDS)

    def _try_database(self) -> str:
        try:
            with self._engine.connect() as connection:
                is_current = schema_is_current(connection)
        except StoreError as error:
            return type(error).__name__
        self._has_seen_schema = self._has_seen_schema or is_current
        return "ok" if is_current else "its schema is older than this version needs"

    def _health(self) -> Health:
        is_moving = time.monotonic() - self._last_beat < _STALLED_SECONDS
        return Health(
            alive=is_moving,
            ready=self._has_seen_schema and not self._server.should_exit,
            details={
                "loop": "ok" if is_moving else "stalled",
                "database": self._database,
                "routes": str(len(self._catalogue.current.routes)),
            },
        )
