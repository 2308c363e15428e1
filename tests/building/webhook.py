"""A real webhook process, its routes, and a client that posts many leads at once."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from tests.building.role_process import START_SECONDS, RoleProcess
from tests.building.waiting import eventually

LEAD = {
    "email": "user@example.com",
    "address": {"zip": "66123", "street": "123 Main St"},
    "house": {"is_owner": True},
    "phone": "+49 681 123456",
}


class WebhookProcess(RoleProcess):
    """`leadgateway webhook` on ports of its own."""

    def __init__(self, routes: Path, *, database: str, redis: str, **environment: str) -> None:
        """Start it; it may not be ready yet, see `until_ready`.

        Args:
            routes: Folder with the published routes.
            database: Where PostgreSQL is.
            redis: Where Redis is.
            environment: Further variables.
        """
        super().__init__(
            "webhook",
            "--port=0",
            f"--config-dir={routes}",
            environment={"DATABASE_URL": database, "REDIS_URL": redis} | environment,
            started="webhook.listening",
        )
        self.port = int(self.started["port"])
        self.url = f"http://127.0.0.1:{self.port}"
        self.leads = f"{self.url}/webhooks/leads/"
        # One client for all: making one costs more than a post.
        self.client = httpx.Client(timeout=10, trust_env=False)

    def until_ready(self) -> Self:
        """Return once it says that it is ready and can store leads."""

        def is_ready() -> bool:
            answer = self.client.get(f"{self.status}/readyz")
            return answer.status_code == 200 and answer.json()["database"] == "ok"

        eventually(is_ready, within=START_SECONDS, what=f"readiness of the webhook, which says {self.output!r},")
        return self

    def metric(self, sample: str) -> float | None:
        """The value of a sample, written as it is exposed: `name{label="value"}`."""
        return self.metrics().get(sample)

    def end(self, number: signal.Signals = signal.SIGTERM, *, within: float = 30) -> int:
        """Signal it, wait for its end, and return its exit code."""
        self.client.close()
        return super().end(number, within=within)


@dataclass
class Answered:
    """What became of many posts.

    Attributes:
        answers: Status and body of each answer, as it came.
        unanswered: Posts whose connection ended without an answer.
        seconds: How long each answer took.
        without_retry_after: Refusals for the time being that didn't say when to come back.
    """

    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    unanswered: int = 0
    seconds: list[float] = field(default_factory=list)
    without_retry_after: int = 0

    def ids(self, status: str = "accepted") -> list[int]:
        """Lead ids of the 200s of one kind."""
        return [body["lead_id"] for code, body in self.answers if code == 200 and body["status"] == status]

    def codes(self) -> set[int]:
        return {code for code, _ in self.answers}


async def post_all(
    ports: Sequence[int],
    bodies: Iterator[bytes],
    *,
    path: str = "",
    connections: int,
    headers: Mapping[str, str] | None = None,
    one_each: bool = False,
    result: Answered | None = None,
) -> Answered:
    """Post bodies over many connections at once. A connection that ends is not replaced.

    Args:
        ports: Of the webhooks, taken in turns.
        bodies: What to post.
        path: Of the route; empty for the default one.
        connections: How many at once.
        headers: Sent with every post.
        one_each: Whether every connection posts once only, all of them at the same moment.
        result: Filled while it goes on; returned.
    """
    result = Answered() if result is None else result
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    head = f"POST /webhooks/leads/{path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{lines}".encode()
    start = asyncio.Barrier(connections)
    tasks = (
        _post(ports[n % len(ports)], iter([next(bodies)]) if one_each else bodies, head, start, result)
        for n in range(connections)
    )
    await asyncio.gather(*tasks)
    return result


async def _post(port: int, bodies: Iterator[bytes], head: bytes, start: asyncio.Barrier, result: Answered) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await start.wait()
    try:
        for body in bodies:
            try:
                await _exchange(reader, writer, head, body, result)
            except (OSError, asyncio.IncompleteReadError):
                result.unanswered += 1
                return
    finally:
        writer.close()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes, body: bytes, result: Answered
) -> None:
    began = time.monotonic()
    writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in answer.split(b"\r\n") if line.startswith(b"content-length:"))
    content = json.loads(await reader.readexactly(length))
    status = int(answer.split()[1])
    result.answers.append((status, content))
    result.without_retry_after += status in {429, 503} and b"\r\nretry-after:" not in answer.lower()
    result.seconds.append(time.monotonic() - began)
