"""A short run with a fixed seed: processes, Valkey, PostgreSQL, network, customers and routes fail; no lead is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from tests.chaos.audit.report import audit, print_report
from tests.chaos.faults import ALL
from tests.chaos.run import run
from tests.chaos.schedule import plan
from tests.chaos.stack import Stack

SEED = 0
SECONDS = 35.0
KINDS = (
    "webhook killed",
    "webhook stopped",
    "worker killed",
    "worker stopped",
    "Valkey killed, without its data",
    "PostgreSQL crashed",
    "link to PostgreSQL half-open",
    "customer answers 500",
    "customer hangs up",
    "route deleted",
)
"""Of each family those that went wrong most easily while the gateway was built."""


@pytest.mark.timeout(500)
def test_whatever_fails_no_accepted_lead_is_lost_or_changed_or_sent_again_without_reason(server_folder: Path) -> None:
    faults = {fault.kind: fault for fault in ALL}
    planned = plan([faults[kind] for kind in KINDS], seed=SEED, seconds=SECONDS, every=2.5)

    with Stack(server_folder) as stack:
        evidence = run(stack, planned, seed=SEED, seconds=SECONDS, rate=25, say=print)

    findings = audit(evidence)
    print_report(Console(width=120), evidence, findings)
    assert findings == []
    assert {episode.kind for episode in evidence.episodes} == set(KINDS)
    assert any(answer.status == 503 for lead in evidence.leads for answer in lead.answers), "a fault was felt"
