"""Without faults every lead is delivered exactly once, and the auditor has nothing to say."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from tests.chaos.audit.report import audit, print_report
from tests.chaos.run import run
from tests.chaos.stack import Stack

pytestmark = pytest.mark.timeout(500)  # a stack may take minutes to start on a busy machine


def test_every_lead_is_stored_once_and_delivered_exactly_once(server_folder: Path) -> None:
    with Stack(server_folder) as stack:
        evidence = run(stack, [], seed=1, seconds=6, rate=60)

    findings = audit(evidence)
    print_report(Console(width=120), evidence, findings)
    delivered = [story for story in evidence.stories.values() if story.status == "DELIVERED"]
    assert findings == []
    assert len(delivered) > 100
    assert len(evidence.requests) == len(delivered), "every delivered lead once, and no other"
    assert all(answer.status == 200 for lead in evidence.leads for answer in lead.answers)
