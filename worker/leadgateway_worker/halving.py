"""Writing batches in which a row may be at fault, so that its neighbours never suffer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from leadgateway.store.errors import RowRefused

Item = TypeVar("Item")
Written = TypeVar("Written")


def by_halves(
    write: Callable[[Sequence[Item]], list[Written]],
    items: Sequence[Item],
    *,
    refused: Callable[[Item, RowRefused], None],
) -> list[Written]:
    """Write a batch; one that the database refuses is halved until the row at fault stands alone.

    Args:
        write: Writes all of a batch or nothing.
        items: The batch.
        refused: Is told each item that the database refuses.

    Raises:
        StoreError: As `write` does, but for RowRefused.
    """
    try:
        return write(items)
    except RowRefused as error:
        if len(items) == 1:
            refused(items[0], error)
            return []
    middle = len(items) // 2
    return by_halves(write, items[:middle], refused=refused) + by_halves(write, items[middle:], refused=refused)
