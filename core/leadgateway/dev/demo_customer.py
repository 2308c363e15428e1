"""A customer's API to try the gateway with: checks the token, answers as told, and lists what it received.

Run as a process of its own: `python -m leadgateway.dev.demo_customer --port 8010`. What it shall answer stands in the
lead, anywhere in a value: `fail-2-times` (500 for the first two attempts of each delivery, told apart by their
Idempotency-Key), `answer-403` (that status, always), `slow-5-seconds` (so long before any answer). So every arrow of a
lead's life can be tried with curl.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import os
import re
import signal
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

TOKEN = "demo-customer-token"  # noqa: S105 - public: it protects a demo on 127.0.0.1, and the README shows it
"""What the sample route's Secret holds."""

TOKEN_VARIABLE = "LEADGATEWAY_DEMO_TOKEN"  # noqa: S105 - the name of a variable

REMEMBERED_REQUESTS = 1000
REMEMBERED_DELIVERIES = 10_000
LARGEST_BODY = 4 * 1024 * 1024

_FAIL = re.compile(r"fail-(\d{1,3})-times", re.ASCII)
_SLOW = re.compile(r"slow-(\d{1,3})-seconds", re.ASCII)
_ANSWER = re.compile(r"answer-([2-5]\d\d)", re.ASCII)


@dataclass
class Received:
    """What came in since the start, newest last, and how often each delivery was tried."""

    requests: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=REMEMBERED_REQUESTS))
    attempts: Counter[str] = field(default_factory=Counter)

    def count(self, key: str) -> int:
        """Note one more attempt of the delivery with this Idempotency-Key; returns how many there were."""
        if len(self.attempts) >= REMEMBERED_DELIVERIES:
            self.attempts.clear()
        self.attempts[key] += 1
        return self.attempts[key]


def application(token: str) -> web.Application:
    """The demo customer's web application, which expects `token` as Bearer."""
    received = Received()

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        await asyncio.sleep(seconds_to_wait(body))
        status = answer_for(request, body, token=token, received=received)
        received.requests.append(described(request, body, status))
        return web.json_response({"status": "ok" if status < 300 else "error"}, status=status)

    async def list_requests(_: web.Request) -> web.Response:
        return web.json_response(list(received.requests), dumps=_pretty)

    async def explain(_: web.Request) -> web.Response:
        return web.Response(text=HELP)

    app = web.Application(client_max_size=LARGEST_BODY)
    app.add_routes(
        [
            web.post("/lead/receive", receive),
            web.get("/requests", list_requests),
            web.get("/", explain),
            web.get("/healthz", explain),
        ]
    )
    return app


def answer_for(request: web.Request, body: bytes, *, token: str, received: Received) -> int:
    """The status that a request deserves."""
    shown = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
    if not hmac.compare_digest(shown, f"Bearer {token}".encode()):
        return 401
    try:
        text = json.dumps(json.loads(body))
    except ValueError:
        return 400
    if told := _ANSWER.search(text):
        return int(told[1])
    told = _FAIL.search(text)
    tried = received.count(request.headers.get("Idempotency-Key", ""))
    return 500 if told and tried <= int(told[1]) else 200


def seconds_to_wait(body: bytes) -> int:
    """How long a lead wants its answer to take."""
    told = _SLOW.search(body.decode("utf-8", "replace"))
    return int(told[1]) if told else 0


def described(request: web.Request, body: bytes, status: int) -> dict[str, object]:
    """One request as `GET /requests` lists it; the body as JSON where it is, else as text."""
    try:
        content = json.loads(body)
    except ValueError:
        content = body.decode("utf-8", "replace")
    return {
        "received_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "method": request.method,
        "path": request.path,
        "headers": dict(request.headers),
        "body": content,
        "answer": status,
    }


HELP = """This is the demo customer of Lead Gateway.

POST /lead/receive   takes a lead (Authorization: Bearer <token>)
GET  /requests       lists what was received, newest last

A lead tells what it wants answered, anywhere in a value:
  fail-2-times   500 for the first two attempts, then 200
  answer-403     that status, always
  slow-5-seconds so long before any answer
"""


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


async def serve(host: str, port: int, token: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    runner = web.AppRunner(application(token), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        await end.wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m leadgateway.dev.demo_customer", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=8010, help="port to listen on (default %(default)s)")
    options = parser.parse_args()
    asyncio.run(serve(options.host, options.port, os.environ.get(TOKEN_VARIABLE, TOKEN)))


if __name__ == "__main__":
    main()
