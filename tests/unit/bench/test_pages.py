from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from bench.measure import CPU, DISK
from bench.picture import picture
from bench.record import Measured, Record, tables
from bench.scaling import pods, scaling

FLOW = {
    "posts/s": [4000.0],
    "post p99, ms": [5.0],
    "delivered/s, first post to last delivery": [2000.0],
    "CPU s per 1,000 leads: webhook + worker": [0.4],
    "memory of webhook + worker, MiB (shared pages once)": [150.0],
}
PHASES = {
    f"intake, {CPU}webhook": [0.1],
    f"intake, {CPU}PostgreSQL": [0.05],
    f"delivery, {CPU}worker": [0.25],
    f"delivery, {CPU}PostgreSQL": [0.10],
    f"delivery, {CPU}Valkey": [0.002],
    DISK: [2048.0],
}


def test_the_picture_is_svg_with_a_bar_for_each_system_and_figure() -> None:
    systems = {"ours": FLOW, "theirs": FLOW}

    drawn = ET.fromstring(picture({"flow": systems, "delay-50ms": systems, "steady": systems}))

    bars = [one for one in drawn.iter() if one.tag.endswith("rect") and one.get("height") == "13"]
    assert len(bars) == 6 * 2


@pytest.mark.parametrize(("rate", "count"), [(1, 2), (10_000, 8)])
def test_pods_are_counted_for_half_their_use_and_never_fewer_than_two(rate: float, count: int) -> None:
    assert pods(0.00025, rate) == count


def test_what_ten_thousand_leads_a_second_need_is_computed_from_what_one_costs() -> None:
    told = scaling(PHASES)

    assert "100 µs in the webhook, 250 µs in the worker, 150 µs in PostgreSQL, and 2.0 KiB of disk" in told
    assert "| 10,000 | 3 | 8 | 3.0 | 0.04 | 1,648 GiB |" in told


def test_the_tables_say_how_leads_grow_dearer() -> None:
    grown = {name: Measured("2026-11-24", {"ours": 100}, {"ours": PHASES}) for name in ("phases", "routes-1000")}

    told = tables(Record("a machine", grown))

    assert "| 1,000 routes | 0.100 (+0 %) |" in told
