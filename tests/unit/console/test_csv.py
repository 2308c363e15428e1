"""Cells that no spreadsheet runs."""

from __future__ import annotations

import pytest

from leadgateway_webhook.console.api.export import harmless


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_formula_becomes_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "1", "a=b", '{"a": "=1"}'])
def test_all_else_stays_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell
