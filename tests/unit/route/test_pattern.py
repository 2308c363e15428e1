from __future__ import annotations

import time
from typing import Any

import pytest

from leadgateway.route.pattern import InvalidPattern, Pattern

ZIP = Pattern.parse(r"^66\d{3}$")


@pytest.mark.parametrize("value", ["66000", "66123", "66999"])
def test_zips_of_the_saarland_match(value: Any) -> None:
    assert ZIP.matches(value)


@pytest.mark.parametrize(
    "value", ["12345", "65999", "67000", "6612", "661234", "66123\n", " 66123", "66١٢٣", "66123\ud800", ""]
)
def test_other_strings_do_not(value: Any) -> None:
    assert not ZIP.matches(value)


@pytest.mark.parametrize("value", [66123, 66123.0, True, None, ["66123"], {"66123": 1}, b"66123"])
def test_only_strings_match(value: Any) -> None:
    assert not ZIP.matches(value)


def test_the_whole_value_must_match_even_without_anchors() -> None:
    pattern = Pattern.parse("cat|dog")
    assert pattern.matches("dog")
    assert not pattern.matches("hotdog")
    assert pattern.occurs_in("hotdog")


def test_a_lone_surrogate_counts_as_a_character() -> None:
    assert Pattern.parse(".").matches("\udfff")


def test_no_value_makes_a_pattern_hang() -> None:
    started = time.perf_counter()
    assert not Pattern.parse("(a*)*b").matches("a" * 100_000)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "missing"),
        ("(?=a)", "invalid perl operator"),
        (r"(a)\1", "invalid escape sequence"),
        ("a{1001}", "invalid repetition size"),
        (r"\pL{500}", "too large"),
        ("\ud800", "surrogate"),
        ("a" * 513, "at most 512 characters"),
    ],
)
def test_a_pattern_that_does_not_compile_says_why(pattern: Any, reason: Any) -> None:
    with pytest.raises(InvalidPattern, match=reason):
        Pattern.parse(pattern)


def test_patterns_are_equal_by_their_text() -> None:
    assert Pattern.parse("a") == Pattern.parse("a") != Pattern.parse("b")
