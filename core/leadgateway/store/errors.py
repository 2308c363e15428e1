"""What can go wrong between us and PostgreSQL: one type a cause, and none repeats anything of a lead.

PostgreSQL's own messages may quote the row at fault ("Failing row contains …"); they stop here.
"""

from __future__ import annotations

import psycopg2
from psycopg2 import errors


class StoreError(Exception):
    """PostgreSQL did not do what was asked."""

    def __init__(self, message: str, *, sqlstate: str | None = None) -> None:
        super().__init__(message if sqlstate is None else f"{message} (SQLSTATE {sqlstate})")
        self.sqlstate = sqlstate


class StoreUnavailable(StoreError):
    """PostgreSQL can't be reached, is shutting down, or can't take more at the moment. Later it may."""


class StoreTimeout(StoreUnavailable):
    """PostgreSQL took longer than the connection's time limit, or than a lock may be waited for."""


class Contention(StoreError):
    """Something else got in the way, a transaction or a change of the schema; repeat it, since it was undone."""


class RowRefused(StoreError):
    """The content of a row is refused by the database: a constraint, a trigger, a value its type can't hold."""

    def __init__(self, *, sqlstate: str, constraint: str | None) -> None:
        super().__init__(f"the database refuses a row{f' by {constraint}' if constraint else ''}", sqlstate=sqlstate)
        self.constraint = constraint


class SchemaMismatch(StoreError):
    """A table, column or permission that this version needs is not there: `leadgateway migrate` was not run."""


OutdatedPlan = errors.FeatureNotSupported
"""Of ours it can only be a "cached plan must not change result type": all else that we use is supported."""
_CONTENTION = (errors.DeadlockDetected, errors.SerializationFailure, OutdatedPlan)
_TIMEOUT = (errors.QueryCanceled, errors.LockNotAvailable)
# 22 data exception, 23 integrity, 54 program limit exceeded (an index row too large), P0 raised by a trigger
_ROW_CLASSES = ("22", "23", "54", "P0")
# 08 connection, 53 insufficient resources (disk full, too many connections), 57 operator intervention (shutdown),
# 58 system error (I/O), 25 a read-only transaction: the server is a standby, say after a failover
_UNAVAILABLE_CLASSES = ("08", "25", "53", "57", "58")


def store_error(error: psycopg2.Error) -> StoreError:
    """Give the cause of a psycopg2 error its own type, without what PostgreSQL quotes of the data."""
    state: str | None = error.pgcode
    if isinstance(error, _CONTENTION):
        return Contention("another transaction or a change of the schema got in its way", sqlstate=state)
    if isinstance(error, _TIMEOUT):
        return StoreTimeout("PostgreSQL took too long", sqlstate=state)
    if state is None or state.startswith(_UNAVAILABLE_CLASSES):
        return StoreUnavailable("PostgreSQL is not available", sqlstate=state)
    if state.startswith(_ROW_CLASSES):
        return RowRefused(sqlstate=state, constraint=error.diag.constraint_name)
    if state.startswith("42"):
        return SchemaMismatch("a table, column or permission is missing", sqlstate=state)
    return StoreError("PostgreSQL refused a statement", sqlstate=state)
