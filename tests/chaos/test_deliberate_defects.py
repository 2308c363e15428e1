"""The harness can fail: a gateway with a deliberate defect is convicted of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos.audit.findings import Fault, Finding
from tests.chaos.audit.report import audit
from tests.chaos.defects import COMMIT_AFTER_ANSWER, LEASE_DROPPED, WAKE_UP_LOST, entry
from tests.chaos.faults import processes
from tests.chaos.run import run
from tests.chaos.schedule import Planned
from tests.chaos.stack import Stack, StackSettings

pytestmark = pytest.mark.timeout(500)  # a stack may take minutes to start on a busy machine


def convicted(folder: Path, settings: StackSettings, planned: Sequence[Planned] = ()) -> list[Finding]:
    with Stack(folder, settings) as stack:
        evidence = run(stack, planned, seed=1, seconds=8, rate=30)
    return audit(evidence)


def of(findings: Sequence[Finding], fault: Fault) -> list[Finding]:
    return [finding for finding in findings if finding.fault is fault]


def test_a_webhook_that_commits_after_it_has_answered_loses_leads(server_folder: Path) -> None:
    settings = StackSettings(entries={"webhook": entry(COMMIT_AFTER_ANSWER)})
    kills = [fault for fault in processes.FAULTS if fault.kind == "webhook killed"]
    planned = [Planned(4.0 + number, 1.0, fault) for number, fault in enumerate(kills)]

    findings = convicted(server_folder, settings, planned)

    assert len(of(findings, Fault.LOST)) >= len(kills)


def test_a_worker_that_drops_its_leases_sends_leads_again(server_folder: Path) -> None:
    settings = StackSettings(entries={"worker": entry(LEASE_DROPPED)})

    findings = convicted(server_folder, settings)

    assert of(findings, Fault.REPEATED)


def test_a_webhook_that_loses_its_wake_ups_lets_leads_wait(server_folder: Path) -> None:
    settings = StackSettings(entries={"webhook": entry(WAKE_UP_LOST)}, sweep_seconds=10.0)

    findings = convicted(server_folder, settings)

    assert [finding.subject for finding in of(findings, Fault.UNTIMELY)] == ["wake-ups"]
    assert not of(findings, Fault.LOST)
