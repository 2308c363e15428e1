"""How much a CEL expression may cost, for the expression alone and for one lead.

The library has no cost limit, holds the interpreter lock while it evaluates and can't be interrupted, so the work is
bounded before it begins. Measured with `common-expression-language` 0.10: an `all` takes 0.3 to 0.5 µs an element;
`map` and `filter` copy their list for every element they add, 30 to 70 ns for each element already in it (a `map` of
1,000 inside another takes over a minute); `x.map(a, a + a)` doubles what goes through it, so forty in a row would ask
for terabytes. One unit here is about 50 ns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

from leadgateway.json import JsonValue
from leadgateway.route.cel.syntax import Loop, Outline
from leadgateway.route.path import MISSING

MAX_NESTED_LOOPS: Final = 1
"""How many loops may stand inside another."""

MAX_ELEMENTS: Final = 1_000
"""Longest list (or map) a lead may hold where CEL looks at it."""

MAX_DEPTH: Final = 100
"""Deepest nesting CEL is shown; leads are at most 64 deep."""

MAX_WORK: Final = 2_000_000
"""Units one evaluation may take: about 0.1 s."""

_STEP = 10
"""Units to run a loop's body once."""

_CHARACTERS_PER_UNIT = 16
"""Characters that are compared or copied in one unit."""


class TooCostly(ValueError):
    """The expression would take too long, whatever the lead."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How big a JSON value is.

    Attributes:
        size: Its values, plus one for every 16 characters.
        longest: Elements of its longest list or map.
        depth: How deep it nests.
        is_plain: Whether it is free of lone surrogates and of numbers CEL can't take.
    """

    size: int
    longest: int
    depth: int
    is_plain: bool


def measure(value: JsonValue) -> Extent:
    """Measure a JSON value; the time is linear in its size and its depth does not matter."""
    size, longest, depth, is_plain = 0, 0, 0, True
    level: list[JsonValue] = [value]
    while level:
        depth += 1
        inner: list[JsonValue] = []
        for item in level:
            size += 1
            if isinstance(item, dict):
                longest = max(longest, len(item))
                inner.extend(item)
                inner.extend(item.values())
            elif isinstance(item, list):
                longest = max(longest, len(item))
                inner.extend(item)
            elif isinstance(item, str):
                size += len(item) // _CHARACTERS_PER_UNIT
                is_plain = is_plain and _is_encodable(item)
            elif isinstance(item, int):
                is_plain = is_plain and item.bit_length() < 64
        level = inner
    return Extent(size, longest, depth, is_plain)


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def refuse_costly(expression: Outline) -> None:
    """Refuse an expression that no lead should be judged by.

    Args:
        expression: What was found in its source.

    Raises:
        TooCostly: Loops nest too deeply, or even a lead with lists of ten elements would take too long.
    """
    if any(len(loop.enclosing) > MAX_NESTED_LOOPS for loop in expression.loops):
        raise TooCostly("loops (all, exists, exists_one, map, filter) nest too deeply; use at most one inside another")
    if _work_of_loops(expression, longest=10, size=100) > MAX_WORK:
        raise TooCostly(
            "the loops one after another add up to too much work; use fewer loops or fewer + inside of them"
        )


def is_affordable(expression: Outline, lead: JsonValue, extent: Extent) -> bool:
    """Tell whether an expression may be evaluated for this lead.

    Args:
        expression: What was found in its source.
        lead: The lead.
        extent: The lead's extent.

    Returns:
        False when a list is longer than `MAX_ELEMENTS`, or the work might exceed `MAX_WORK`.
    """
    if extent.longest > MAX_ELEMENTS or extent.depth > MAX_DEPTH:
        return False
    if not expression.loops:
        return True
    work = _work_of_loops(expression, longest=extent.longest, size=extent.size)
    return work <= MAX_WORK and work + _work_of_reads(expression, lead, extent) <= MAX_WORK


def _lengths(expression: Outline, longest: int) -> list[int]:
    """An upper bound for the elements each loop goes through.

    Every `+` before a loop can have doubled its list: those of earlier loops multiply, those outside add up.
    """
    growth, lengths = 1 + expression.additions, []
    for loop in expression.loops:
        lengths.append(max(longest, expression.literals) * growth)
        growth *= 1 + loop.additions
    return lengths


def _runs(enclosing: Sequence[int], lengths: Sequence[int]) -> int:
    """How often something inside these loops is evaluated."""
    return prod(lengths[number] for number in enclosing)


def _work_of_loops(expression: Outline, *, longest: int, size: int) -> int:
    lengths = _lengths(expression, longest)
    growth, work = 1 + expression.additions, size
    for loop, length in zip(expression.loops, lengths, strict=True):
        growth *= 1 + loop.additions
        work += _runs(loop.enclosing, lengths) * (_work_of_loop(loop, length) + size * growth)
    return work


def _work_of_loop(loop: Loop, length: int) -> int:
    return length * _STEP + (length * length if loop.builds_list else 0)


def _work_of_reads(expression: Outline, lead: JsonValue, extent: Extent) -> int:
    """What a loop's body reads of the lead itself is compared, copied or searched once in each round."""
    lengths = _lengths(expression, extent.longest)
    return sum(
        _runs(read.enclosing, lengths) * _size_at(read.keys, lead) for read in expression.reads if read.enclosing
    )


def _size_at(keys: Sequence[str], lead: JsonValue) -> int:
    current: object = lead
    for key in keys:
        if not isinstance(current, dict):
            return 1
        current = current.get(key, MISSING)
    return 1 if current is MISSING else measure(current).size  # type: ignore[arg-type]
