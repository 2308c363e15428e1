"""Changing tables that are in use, so that nobody notices.

A statement that waits for a table's lock lets everybody wait who comes after it, however little those want: so it gives
up after `LOCK_TIMEOUT`, is undone, and comes again when the others have had their turn. Indexes are the exception, as
they are built and dropped concurrently: that waits for every transaction that began before it, which may be a backup of
hours, and holds up nobody meanwhile. Its patience is that of the whole migration.
"""

from __future__ import annotations

import time
from datetime import timedelta

from alembic import op
from sqlalchemy import text

from leadgateway.store.migrations.runner import DEADLINE, LOCK_TIMEOUT, lock_timeout

_WHOLE = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")


def build_index(name: str, definition: str) -> None:
    """Build an index while everybody goes on writing; one that is there and whole is kept.

    What the migration did before is committed by that, and must bear being done again.

    Args:
        name: The index.
        definition: What follows ON, such as `lead_state (route) WHERE due_at IS NULL`.
    """
    with op.get_context().autocommit_block():
        found = op.get_bind().execute(_WHOLE, {"name": name}).scalar()
        if found:
            return
        op.execute(lock_timeout(_patience()))
        if found is not None:  # begun and not finished: of no use to anybody
            op.execute(f"DROP INDEX CONCURRENTLY {name}")
        op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {definition}")
        op.execute(lock_timeout(LOCK_TIMEOUT))


def drop_index(name: str) -> None:
    """Drop an index while everybody goes on working; one that is gone already is no fault.

    What the migration did before is committed by that, and must bear being done again.

    Args:
        name: The index.
    """
    with op.get_context().autocommit_block():
        op.execute(lock_timeout(_patience()))
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(lock_timeout(LOCK_TIMEOUT))


def _patience() -> timedelta:
    config = op.get_context().config
    deadline: float = time.monotonic() if config is None else config.attributes[DEADLINE]
    return max(timedelta(seconds=deadline - time.monotonic()), LOCK_TIMEOUT)
