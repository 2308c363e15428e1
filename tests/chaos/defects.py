"""Gateway processes with a deliberate defect each, to prove that the auditor sees it.

`python -m tests.chaos.defects NAME …`: the rest of the command line is that of `leadgateway`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import timedelta

from leadgateway import queue
from leadgateway.cli import main
from leadgateway.store import intake
from leadgateway.store.arrival import Answer, NewLead, Stored
from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows

COMMIT_AFTER_ANSWER = "commit-after-answer"
LEASE_DROPPED = "lease-dropped"
WAKE_UP_LOST = "wake-up-lost"


def entry(defect: str) -> tuple[str, ...]:
    """The program that plays a role with a defect."""
    return (sys.executable, "-m", "tests.chaos.defects", defect)


def _commit_after_answer() -> None:
    """Each batch of leads is answered at once and stored together with the next one."""
    from leadgateway_webhook import database

    kept: list[tuple[NewLead, int]] = []

    def store_later(connection: Connection, leads: Sequence[NewLead]) -> list[Answer]:
        if kept:
            columns = intake._lead_columns([lead for lead, _ in kept], [number for _, number in kept])
            rows(connection, intake._INSERT_LEADS, columns)
        found = rows(connection, "SELECT nextval('lead_id_seq') FROM generate_series(1, %(n)s)", {"n": len(leads)})
        kept[:] = [(lead, number) for lead, (number,) in zip(leads, found, strict=True)]
        return [Stored(number, lead.correlation_id) for lead, number in kept]

    vars(database)["store_batch"] = store_later


def _drop_lease() -> None:
    """A lead that is sent has no lease: any other look may take it meanwhile."""
    from leadgateway_worker.preparation import Preparation

    vars_of: Callable[..., timedelta] = lambda _self, _route: timedelta(0)  # noqa: E731 - a method in its place
    setattr(Preparation, "_lease", vars_of)  # noqa: B010 - mypy allows no assignment to a method


def _lose_wake_up() -> None:
    """The bell is never rung."""
    setattr(queue.Bell, "ring", lambda _self: True)  # noqa: B010 - mypy allows no assignment to a method


_DEFECTS: dict[str, Callable[[], None]] = {
    COMMIT_AFTER_ANSWER: _commit_after_answer,
    LEASE_DROPPED: _drop_lease,
    WAKE_UP_LOST: _lose_wake_up,
}

if __name__ == "__main__":
    _DEFECTS[sys.argv.pop(1)]()
    main()
