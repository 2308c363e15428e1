"""The memory of the two processes that every lead goes through."""

from __future__ import annotations

from collections.abc import Callable

from bench.gateway import gateway
from bench.processes import memory
from bench.scenarios import named
from bench.source import Source
from bench.system import WEBHOOK, WORKER
from bench.workplace import workplace

_LEADS = 2_000
# What they had when this was written (Python 3.11), and a fifth. Beyond it something that they don't use is loaded
# again, or kept; `test_lean_imports.py` names the usual suspects. The figures stand in docs/operations.md as well.
_MOST_MIB = {WEBHOOK: 71 * 1.2, WORKER: 76 * 1.2}


def test_webhook_and_worker_stay_small_while_leads_flow(report_figure: Callable[[str], None]) -> None:
    (scenario,) = named(["flow"])

    with workplace() as folder, gateway(folder, scenario.setup) as system, system.working():
        source = Source(system, scenario)
        source.post(_LEADS)
        source.await_leads(_LEADS)
        resident = {role: memory(system.pids[role][0]).resident for role in (WEBHOOK, WORKER)}

    report_figure(f"resident memory under load, MiB: {', '.join(f'{r} {m:.0f}' for r, m in resident.items())}")
    assert {role: mib for role, mib in resident.items() if mib > _MOST_MIB[role]} == {}
