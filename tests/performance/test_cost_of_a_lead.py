"""Runs alone (`make test-performance`): what a lead costs, and how soon its customer has it."""

from __future__ import annotations

from collections.abc import Callable

from bench.gateway import gateway
from bench.guard import costs, recorded, too_high
from bench.measure import measure
from bench.scenarios import named
from bench.workplace import workplace

_AIM_P50_MS, _AIM_P99_MS = 15, 60
# Machines that build are shared: what is aimed at on a quiet one, times three.
_PATIENCE = 3


def test_a_lead_costs_no_more_than_was_recorded(report_figure: Callable[[str], None]) -> None:
    now = costs()

    report_figure(f"cost of 1,000 leads in units of the guard's work: {now}; recorded: {recorded()}")
    assert too_high(now, recorded()) == []


def test_at_100_leads_a_second_the_customer_has_each_within_milliseconds(report_figure: Callable[[str], None]) -> None:
    (scenario,) = named(["steady"])

    with workplace() as folder, gateway(folder, scenario.setup) as system:
        (figures,) = measure(system, scenario, leads=500, runs=1, say=lambda _: None)

    p50, p99 = (figures[f"from the 200 to the customer {share}, ms"] for share in ("p50", "p99"))
    report_figure(f"from the 200 to the customer at 100 leads/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    assert p50 < _AIM_P50_MS * _PATIENCE
    assert p99 < _AIM_P99_MS * _PATIENCE
