"""Removing what has had its time, a little at once."""

from __future__ import annotations

from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows


def delete_expired_keys(connection: Connection, *, limit: int = 1000) -> int:
    """Delete deduplication keys and Idempotency-Keys whose time is over; they mean nothing any more.

    Several may run at once. Call it again while it returns `limit`.

    Args:
        connection: In autocommit.
        limit: How many at the most, so that no transaction holds locks for long.

    Returns:
        How many were deleted.
    """
    return len(rows(connection, _DELETE_EXPIRED_KEYS, {"limit": limit}))


_DELETE_EXPIRED_KEYS = """
DELETE FROM lead_key WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM lead_key WHERE expires_at <= now() ORDER BY expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
))
RETURNING 1
"""
