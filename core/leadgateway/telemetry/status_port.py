"""The status port of a process: `/metrics`, `/healthz`, `/readyz` and `/routes`, on an address of its own.

It runs in a thread, so that it answers while the process is busy, and apart from the public port, so that no lead
source can read it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    disable_created_metrics,
    generate_latest,
)


@dataclass(frozen=True, slots=True)
class Health:
    """What a process says of itself.

    Attributes:
        alive: False asks for a restart: something ended that only a new process brings back.
        ready: False asks for no traffic: the process can't answer usefully yet.
        details: For people: a word per dependency, never a secret.
    """

    alive: bool
    ready: bool
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: HTTPStatus
    content_type: str
    body: bytes


class StatusPort:
    """Serves the status of one process until it is closed."""

    def __init__(
        self,
        address: str,
        port: int,
        *,
        health: Callable[[], Health],
        routes: Callable[[], Mapping[str, str]],
        about_routes: Callable[[], Mapping[str, object]] = dict,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        """Listen at once, so that a port that is taken is an error at start.

        Args:
            address: Address to listen on.
            port: Port to listen on; 0 for any free one (see `port` afterwards).
            health: Called per request.
            routes: Loaded config hash by route key, called per request.
            about_routes: What else `/routes` tells, by name, called per request.
            registry: The metrics to expose.

        Raises:
            OSError: The port can't be listened on.
        """
        # A `_created` sample beside every series would double a scrape of a thousand routes.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        answers: dict[str, Callable[[], _Answer]] = {
            "/metrics": lambda: _Answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(registry)),
            "/healthz": lambda: _health(health(), alive=True),
            "/readyz": lambda: _health(health(), alive=False),
            "/routes": lambda: _json(HTTPStatus.OK, {"routes": dict(routes()), **about_routes()}),
        }
        self._server = _Server((address, port), _handler(answers))
        self._thread = threading.Thread(target=self._server.serve_forever, name="status-port", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """End the server and wait for its thread."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 32


def _health(health: Health, *, alive: bool) -> _Answer:
    well = health.alive if alive else health.alive and health.ready
    status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    return _json(status, {"status": "ok" if well else "unavailable", **health.details})


def _json(status: HTTPStatus, content: object) -> _Answer:
    return _Answer(status, "application/json", orjson.dumps(content))


def _handler(answers: Mapping[str, Callable[[], _Answer]]) -> type[BaseHTTPRequestHandler]:
    unknown = _json(HTTPStatus.NOT_FOUND, {"status": "error", "code": "not_found", "paths": sorted(answers)})

    class Handler(BaseHTTPRequestHandler):
        # A client that connects and says nothing must not hold its thread for ever.
        timeout = 10
        server_version = "lead-gateway"
        sys_version = ""

        def do_GET(self) -> None:
            answer = answers.get(self.path.partition("?")[0], lambda: unknown)()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Probes and scrapes are not worth a line each."""

    return Handler
