"""Ready once there were routes and a schema; alive while the process still does something."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leadgateway_webhook.health import STALLED_SECONDS, Vitals, judge

WELL = Vitals(
    has_routes=True,
    has_seen_schema=True,
    is_leaving=False,
    is_writing=True,
    last_beat=100.0,
    details={"database": "ok"},
)


def now() -> float:
    return 101.0


def test_a_process_with_routes_and_schema_is_ready() -> None:
    health = judge(WELL, now)

    assert health.alive
    assert health.ready
    assert health.details == {"loop": "ok", "database": "ok"}


@pytest.mark.parametrize(
    "vitals",
    [replace(WELL, has_routes=False), replace(WELL, has_seen_schema=False), replace(WELL, is_leaving=True)],
    ids=["no routes", "no schema", "leaving"],
)
def test_a_process_that_lacks_something_or_is_leaving_is_alive_but_not_ready(vitals: Vitals) -> None:
    health = judge(vitals, now)

    assert health.alive
    assert not health.ready


def test_an_outage_of_the_database_is_told_and_changes_nothing_else() -> None:
    health = judge(replace(WELL, details={"database": "unreachable"}), now)

    assert health.alive
    assert health.ready
    assert health.details["database"] == "unreachable"


def test_a_process_whose_loop_stands_still_asks_for_a_restart() -> None:
    health = judge(replace(WELL, last_beat=now() - STALLED_SECONDS - 1), now)

    assert not health.alive
    assert health.details["loop"] == "stalled"


def test_a_process_whose_writer_ended_asks_for_a_restart() -> None:
    assert not judge(replace(WELL, is_writing=False), now).alive
