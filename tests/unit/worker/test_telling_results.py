"""What is logged of results that have been written: what went as it should only where somebody wants to see it all."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
from datetime import UTC, datetime, timedelta
from uuid import UUID
from leadgateway.store.claims import Claim
from leadgateway.store.outcomes import Attempt, Delivered, Exhausted, PermanentlyFailed, Rejected, Retry
from leadgateway.store.status import LeadStatus
from leadgateway.telemetry.logs import configure_logging
from leadgateway_worker.report import tell
from leadgateway_worker.results import Result

configure_logging("worker", level={level!r})
now, waited = datetime.now(UTC), timedelta()
received = LeadStatus.RECEIVED
claim = Claim(7, 1, "default/solar", received, UUID(int=7), b"", 1, 0, 0, None, None, now, False, False, waited)
failed = Attempt(now, 5, "status", 503)
for outcome in (
    Delivered(7, 1, "hash", Attempt(now, 5, "delivered", 200)),
    Rejected(7, 1, "hash", "NOT_HOMEOWNER"),
    Retry(7, 1, "hash", failed, timedelta(seconds=30)),
    Exhausted(7, 1, "hash", failed),
    PermanentlyFailed(7, 1, "hash", failed, "REFUSED_BY_CUSTOMER"),
):
    tell(Result(claim, outcome))
"""


@pytest.mark.parametrize(
    ("level", "logged"),
    [
        ("info", ["lead.attempt_failed", "lead.given_up", "lead.given_up"]),
        ("debug", ["lead.delivered", "lead.rejected", "lead.attempt_failed", "lead.given_up", "lead.given_up"]),
    ],
)
def test_lines_name_the_lead_and_follow_the_level(level: str, logged: list[str]) -> None:
    program = PROGRAM.format(level=level)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    lines = [json.loads(line) for line in done.stderr.splitlines()]

    assert [line["body"] for line in lines] == logged
    assert {(line["lead_id"], line["route"]) for line in lines} == {(7, "default/solar")}
