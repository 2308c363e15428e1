from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from bench.aims import aims_table
from bench.comparison import comparison_table
from bench.measure import CPU, DISK
from bench.picture import picture
from bench.record import Measured, Record, tables
from bench.scaling import pods, scaling
from bench.scenarios import ONE_WORKER, TWO_WORKERS
from bench.traffic import COMMANDS, COMMITS, WAL

FLOW = {
    "posts/s": [4000.0],
    "post p99, ms": [5.0],
    "delivered/s, first post to last delivery": [2000.0],
    "CPU s per 1,000 leads: webhook + worker": [0.4],
    "CPU s per 1,000 leads: PostgreSQL": [0.15],
    "memory of webhook + worker, MiB (shared pages once)": [150.0],
    "memory of webhook + worker, MiB (sum of RSS)": [190.0],
}
STEADY = {
    "post p99, ms": [6.0],
    "from the 200 to the customer p50, ms": [5.0],
    "from the 200 to the customer p99, ms": [9.0],
    f"{CPU}webhook": [1.0],
    f"{CPU}worker": [2.0],
    f"{CPU}PostgreSQL": [1.2],
    f"{CPU}Valkey": [0.1],
    WAL: [3500.0],
    COMMITS: [1100.0],
    COMMANDS: [4000.0],
}
PHASES = {
    f"intake, {CPU}webhook": [0.1],
    f"intake, {CPU}PostgreSQL": [0.05],
    f"delivery, {CPU}worker": [0.25],
    f"delivery, {CPU}PostgreSQL": [0.10],
    f"delivery, {CPU}Valkey": [0.002],
    **{f"intake, {figure}": [value] for figure, value in ((WAL, 1000.0), (COMMITS, 60.0), (COMMANDS, 20.0))},
    **{f"delivery, {figure}": [value] for figure, value in ((WAL, 2000.0), (COMMITS, 40.0), (COMMANDS, 80.0))},
    DISK: [2048.0],
}


def test_the_picture_is_svg_with_a_bar_for_each_system_and_figure() -> None:
    systems = {"ours": FLOW, "theirs": FLOW}

    drawn = ET.fromstring(
        picture({"flow": systems, "delay-50ms": systems, "steady": {"ours": STEADY, "theirs": STEADY}})
    )

    bars = [one for one in drawn.iter() if one.tag.endswith("rect") and one.get("height") == "13"]
    assert len(bars) == 7 * 2


def test_every_label_of_the_picture_has_room_left_of_its_bars() -> None:
    systems, steady = {"ours": FLOW, "theirs": FLOW}, {"ours": STEADY, "theirs": STEADY}

    drawn = ET.fromstring(picture({"flow": systems, "delay-50ms": systems, "steady": steady}))

    labels = [one for one in drawn.iter() if one.get("text-anchor") == "end"]
    letter = 7.0  # pixels of one of 13, on average and generously
    assert len(labels) == 7
    assert all(len(one.text or "") * letter <= float(one.get("x", 0)) for one in labels)


def test_the_comparison_says_by_how_much_the_first_system_is_better_whichever_way_is_good() -> None:
    slower = {"posts/s": [1000.0], "post p99, ms": [20.0]}

    told = comparison_table({"flow": {"ours": {"posts/s": [4000.0], "post p99, ms": [5.0]}, "theirs": slower}})

    assert told.splitlines()[0] == "|  | ours | theirs | better by |"
    assert "| posts answered per second | 4,000 | 1,000 | 4.00 × |" in told
    assert "| … p99, ms | 5.00 | 20.0 | 4.00 × |" in told


def test_the_comparison_leaves_out_what_only_one_system_has() -> None:
    told = comparison_table({"flow": {"ours": FLOW, "theirs": {"posts/s": [1000.0]}}})

    assert "memory" not in told


@pytest.mark.parametrize(("rate", "count"), [(1, 2), (10_000, 8)])
def test_pods_are_counted_for_half_their_use_and_never_fewer_than_two(rate: float, count: int) -> None:
    assert pods(0.00025, rate) == count


def test_what_ten_thousand_leads_a_second_need_is_computed_from_what_one_costs_in_full_batches_and_alone() -> None:
    told = scaling(PHASES, STEADY)

    assert "| CPU of PostgreSQL, µs | 150 | 1,200 |" in told
    assert "it takes 2.0 KiB of disk" in told
    assert "| 10,000, in full batches | 3 | 8 | 43 | 3.0 | 1,000 | 28.6 | 1,000 | 0.04 |" in told
    assert "| 10,000, one by one | 29 | 58 | 319 | 24.0 | 11,000 | 33.4 | 40,000 | 2.00 |" in told
    assert "1,000,000,000 stored leads of this size take 1.9 TiB" in told


def test_what_large_tables_add_to_a_lead_is_told_beside_the_rest() -> None:
    beside = {**PHASES, f"delivery, {WAL}": [9000.0, 39000.0, 9000.0]}

    told = scaling(PHASES, STEADY, beside)

    assert "| write-ahead log, bytes | 3,000 | 3,500 | 20,000 |" in told


def test_the_aims_say_what_is_held_and_what_is_missed() -> None:
    told = aims_table({"flow": FLOW, "steady": STEADY})

    assert "| posts/s at 32 connections, while delivering | ≥ 4,000 | 4,000 | held |" in told
    assert "| post p99 at 100 posts/s, ms | ≤ 5.00 | 6.00 | **missed** |" in told


def test_the_aims_tell_what_a_second_worker_adds() -> None:
    told = aims_table({ONE_WORKER: {"delivered/s": [250.0]}, TWO_WORKERS: {"delivered/s": [475.0]}})

    assert "16 slots a worker) | ≥ 1.7 | 1.90 | held |" in told


def test_the_aims_tell_by_how_much_a_lead_grows_dearer() -> None:
    dearer = {**PHASES, f"delivery, {CPU}PostgreSQL": [0.1, 0.1, 0.25]}

    told = aims_table({"phases": PHASES, "routes-1000": dearer})

    assert "| CPU of a lead with 1,000 routes, webhook + worker | ≤ +20% | +0% | held |" in told
    assert "| CPU of a lead with 1,000 routes, PostgreSQL | ≤ +20% | +33% | **missed** |" in told


def test_the_tables_say_how_leads_grow_dearer() -> None:
    grown = {name: Measured("2026-11-24", {"ours": 100}, {"ours": PHASES}) for name in ("phases", "routes-1000")}

    told = tables(Record("a machine", grown))

    assert "| 1,000 routes | 0.100 (+0 %) |" in told
