"""Writing batches in which a row may be at fault."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadgateway.store.errors import RowRefused, StoreUnavailable
from leadgateway_worker.halving import by_halves


@given(st.lists(st.integers(0, 20), max_size=40))
def test_all_but_the_rows_at_fault_are_written_in_order(rows: list[int]) -> None:
    refused: list[int] = []

    def write(batch: Sequence[int]) -> list[int]:
        if any(row == 0 for row in batch):
            raise RowRefused(sqlstate="23514", constraint=None)
        return list(batch)

    written = by_halves(write, rows, refused=lambda row, _: refused.append(row))

    assert written == [row for row in rows if row]
    assert len(refused) == rows.count(0)


def test_an_outage_is_nobodys_fault() -> None:
    def write(batch: Sequence[int]) -> list[int]:
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        by_halves(write, [1, 2], refused=lambda *_: None)
