"""How often what waits is counted."""

from __future__ import annotations

import pytest

from leadgateway_worker.backlog_exporter import pause_seconds


@pytest.mark.parametrize(
    ("took", "pause"),
    [
        pytest.param(0.004, 10, id="a cheap count comes as often as it was asked for"),
        pytest.param(0.25, 25, id="one of a million leads takes a hundredth of the time"),
        pytest.param(30, 120, id="counts never get so old that they count as unknown"),
    ],
)
def test_a_count_that_takes_long_comes_less_often(took: float, pause: float) -> None:
    assert pause_seconds(10, took) == pause
