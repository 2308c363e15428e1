"""Waiting for a condition instead of for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def wait_until(
    look: Callable[[], Value],
    *,
    within: float,
    what: str,
    interval: float = 0.1,
) -> Value:
    """Look until the answer is truthy, and return it.

    Raises:
        AssertionError: It was not within `within` seconds; names `what` and the last answer.
    """
    end = time.monotonic() + within
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {within} s; last seen: {seen!r}")
        time.sleep(interval)
