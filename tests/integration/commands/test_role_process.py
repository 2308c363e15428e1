"""What the tests start, they also end: a process that doesn't come up would go on beside all other tests."""

from __future__ import annotations

import psutil
import pytest

from tests.building import role_process
from tests.building.role_process import RoleProcess

NOWHERE = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_a_process_that_says_nothing_in_time_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(role_process, "START_SECONDS", 0.5)
    before = children()

    with pytest.raises(AssertionError, match="the start of the worker didn't come about"):
        RoleProcess("worker", environment=NOWHERE, started="never.said")

    assert children() <= before


def test_a_process_that_ends_at_once_is_shown_with_what_it_said() -> None:
    before = children()

    with pytest.raises(AssertionError, match=r"(?s)the worker ended at once.*No such option"):
        RoleProcess("worker", "--no-such-option", environment=NOWHERE, started="worker.started")

    assert children() <= before
