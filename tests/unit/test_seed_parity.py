"""The list of promises names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
NAMED = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", (REPOSITORY / "docs" / "seed-parity.md").read_text())


def test_the_list_is_not_empty() -> None:
    assert len(NAMED) > 20


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_the_test_behind_a_promise_exists(file: str, name: str) -> None:
    assert f"def {name}(" in (REPOSITORY / file).read_text()
