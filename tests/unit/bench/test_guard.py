from __future__ import annotations

from bench.guard import BAND, too_high


def test_a_cost_within_the_band_is_let_pass() -> None:
    assert too_high({"intake": BAND}, {"intake": 1.0}) == []


def test_a_cost_beyond_the_band_is_told_with_both_figures() -> None:
    (sentence,) = too_high({"intake": 2.0, "delivery": 1.0}, {"intake": 1.0, "delivery": 1.0})

    assert sentence == "intake: 2.00 units, recorded 1.00; more than 1.75 times as much"
