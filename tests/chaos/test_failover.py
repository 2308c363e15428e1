"""A synchronous standby is promoted while leads arrive and the old primary is gone: no accepted lead is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.audit.report import audit
from tests.chaos.faults import ALL
from tests.chaos.run import run
from tests.chaos.schedule import Planned
from tests.chaos.stack import Stack, StackSettings

pytestmark = pytest.mark.timeout(500)  # a stack may take minutes to start on a busy machine


def test_a_failover_loses_no_accepted_lead_and_the_gateway_finds_the_new_primary_by_itself(server_folder: Path) -> None:
    (failover,) = [fault for fault in ALL if fault.kind == "failover"]

    with Stack(server_folder, StackSettings(standby=True)) as stack:
        evidence = run(stack, [Planned(4.0, 2.0, failover)], seed=1, seconds=14, rate=30)

    assert audit(evidence) == []
    (episode,) = evidence.episodes
    accepted = [answer.at for lead in evidence.leads for answer in lead.answers if answer.status == 200]
    assert any(at < episode.began for at in accepted)
    back = min(at for at in accepted if at > episode.ended)
    assert back - episode.ended < 9, "three times the aim"
