"""What the webhook says of itself on the status port."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from leadgateway.telemetry.status_port import Health

STALLED_SECONDS = 30.0
"""An event loop that did nothing for this long will do nothing any more."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What health is judged by, read when it is asked for.

    Attributes:
        has_routes: A route table was loaded.
        has_seen_schema: The database was there once, with its schema.
        is_leaving: The process has been told to end.
        is_writing: The writer's thread runs.
        last_beat: When the event loop last did something, in seconds of the monotonic clock.
        details: For people.
    """

    has_routes: bool
    has_seen_schema: bool
    is_leaving: bool
    is_writing: bool
    last_beat: float
    details: Mapping[str, str]


def judge(vitals: Vitals, clock: Callable[[], float] = time.monotonic) -> Health:
    """Ready once there were routes and a schema; alive while loop and writer are.

    An outage of the database is a detail: taking the pod out of its Service would only turn the source's 503 into a
    refused connection, and restarting it would mend nothing.
    """
    is_moving = clock() - vitals.last_beat < STALLED_SECONDS
    return Health(
        alive=vitals.is_writing and is_moving,
        ready=vitals.has_routes and vitals.has_seen_schema and not vitals.is_leaving,
        details={"loop": "ok" if is_moving else "stalled", **vitals.details},
    )
