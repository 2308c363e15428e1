from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from leadgateway.route.duration import InvalidDuration, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("50ms", timedelta(milliseconds=50)),
        ("0s", timedelta()),
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("24h", timedelta(hours=24)),
        ("90d", timedelta(days=90)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: Any, duration: Any) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", "30", "s", "-1s", "1.5h", "1h30m", "030s", "1 s", "1S", "1w", "1s\n", "123456789d", "٣s"]
)
def test_anything_else_is_refused_with_an_example(text: Any) -> None:
    with pytest.raises(InvalidDuration, match="like 30s or 90d"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0s", "50ms", "90s", "5m", "23h", "90d"])
def test_a_duration_is_written_in_the_largest_unit_that_fits(text: Any) -> None:
    assert format_duration(parse_duration(text)) == text


def test_a_day_is_written_as_a_day() -> None:
    assert format_duration(timedelta(hours=48)) == "2d"
    assert format_duration(timedelta(microseconds=10)) == "0ms"
