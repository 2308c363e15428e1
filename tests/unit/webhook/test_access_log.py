"""A line for every post, written in batches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from uuid import UUID

from leadgateway_webhook.access_log import BufferedAccessLog, Format

ID = UUID("550e8400-e29b-41d4-a716-446655440000")


def written(format: Format, use: Callable[[BufferedAccessLog], None], *, wait: float = 0.0) -> list[list[str]]:  # noqa: A002
    """What was written, write by write."""
    writes: list[list[str]] = []

    def write(lines: Iterable[str]) -> None:
        writes.append(list(lines))

    async def run() -> None:
        use(BufferedAccessLog(format, write))
        await asyncio.sleep(wait)

    asyncio.run(run())
    return writes


def note(log: BufferedAccessLog) -> None:
    log.note("default/solar", ID, status=200, outcome="accepted", seconds=0.00312)


def test_a_line_in_json_has_the_fields_of_every_other_line() -> None:
    def use(log: BufferedAccessLog) -> None:
        note(log)
        log.flush()

    [[line]] = written("json", use)

    told = json.loads(line)
    assert told.pop("timestamp").endswith("Z")
    assert told.pop("service.version")
    assert told == {
        "service.name": "lead-gateway-webhook",
        "severity_text": "info",
        "body": "post.answered",
        "route": "default/solar",
        "correlation_id": str(ID),
        "http.response.status_code": 200,
        "outcome": "accepted",
        "duration_ms": 3.1,
    }


def test_a_line_for_people_reads_as_the_others_do() -> None:
    def use(log: BufferedAccessLog) -> None:
        note(log)
        log.flush()

    [[line]] = written("console", use)

    assert "post.answered" in line
    assert "route=default/solar" in line
    assert "response_status=200" in line


def test_lines_that_come_together_are_one_write_a_moment_later() -> None:
    def use(log: BufferedAccessLog) -> None:
        for _ in range(3):
            note(log)

    assert written("json", use) == []
    [lines] = written("json", use, wait=0.5)
    assert len(lines) == 3


def test_nothing_is_written_twice() -> None:
    def use(log: BufferedAccessLog) -> None:
        note(log)
        log.flush()
        log.flush()

    assert len(written("json", use, wait=0.4)) == 1
