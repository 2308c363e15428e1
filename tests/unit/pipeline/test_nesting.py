"""A body's depth is told at the speed of C: a source must not be able to buy much of a process with one post."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from leadgateway.pipeline.depth import is_deeper_than
from tests.building.nesting import deepest_nesting

_MEBIBYTE = 1 << 20


def filled_with(element: bytes) -> bytes:
    """A list of 1 MiB of the same element."""
    return b"[" + element * (_MEBIBYTE // len(element)) + b"]"


def cpu_seconds(work: Callable[[], object], *, runs: int) -> float:
    """The least of some runs: what the work takes when nothing disturbs it."""

    def run() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return min(run() for _ in range(runs))


@pytest.mark.parametrize("element", [b"[],", b'{"a":[]},', b"[" * 60 + b"]" * 60 + b","], ids=["lists", "maps", "deep"])
def test_a_mebibyte_of_brackets_costs_a_fraction_of_counting_them_one_by_one_and_four_times_a_quarter(
    element: bytes,
) -> None:
    body = filled_with(element)
    quarter = body[: len(body) // 4]

    # In turn and often: what else the machine does then slows some runs of each.
    rounds = [
        (
            cpu_seconds(lambda: is_deeper_than(64, body), runs=3),
            cpu_seconds(lambda: deepest_nesting(body), runs=1),
            cpu_seconds(lambda: is_deeper_than(64, quarter), runs=3),
        )
        for _ in range(4)
    ]
    quick, one_by_one, of_a_quarter = (min(found) for found in zip(*rounds, strict=True))

    assert quick < one_by_one / 2
    assert quick < 10 * of_a_quarter  # squares would be sixteen times


@pytest.mark.parametrize(
    ("body", "depth"),
    [
        (b"", 0),
        (b"{}", 1),
        (b"[[]", 2),
        (b"]]]]" + b"[" * 6, 2),
        (b'{"a": "[[[[[[", "b": [1, {"c": []}]}', 4),
        (b'["\\"[[[[", "\\\\", [[', 3),
        (b'[\\"[[', 1),
        (b'[[["[', 3),
    ],
)
def test_brackets_that_are_open_at_once_are_levels_and_those_in_strings_are_none(body: bytes, depth: int) -> None:
    assert is_deeper_than(depth - 1, body)
    assert not is_deeper_than(depth, body)
