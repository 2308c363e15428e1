from __future__ import annotations

from bench.report import by_figure, cell, growth_table, table


def test_a_figure_is_told_as_median_least_and_greatest() -> None:
    assert cell([3.0, 1.0, 2.0]) == "2.00 (1.00–3.00)"


def test_a_single_run_has_no_spread() -> None:
    assert cell([1234.5]) == "1,234"


def test_a_second_system_is_told_as_a_multiple_of_the_first() -> None:
    ours = by_figure([{"posts/s": 4000.0}])
    theirs = by_figure([{"posts/s": 200.0}])

    told = table({"ours": ours, "theirs": theirs}).splitlines()

    assert told[0] == "| figure | ours | theirs | theirs / ours |"
    assert told[2] == "| posts/s | 4,000 | 200 | 0.050 × |"


def test_what_only_one_system_has_is_left_open_for_the_other() -> None:
    told = table({"ours": {"a": [1.0], "b": [2.0]}, "theirs": {"a": [3.0]}}).splitlines()

    assert told[3] == "| b | 2.00 | – | – |"


def test_growth_is_told_as_the_change_from_the_first_scenario() -> None:
    start = ("small", {"posts/s": [1000.0], "intake, CPU s per 1,000 leads: webhook": [0.1]})
    grown = ("large", {"posts/s": [900.0], "intake, CPU s per 1,000 leads: webhook": [0.11]})

    told = growth_table({"small": start, "large": grown}, "small").splitlines()

    assert told[3] == "| large | 900 (-10 %) | 0.110 (+10 %) |"
