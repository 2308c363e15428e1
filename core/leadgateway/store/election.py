"""One process of many does something for all: the one whose session holds a lock in the database.

An advisory lock of a session lives as long as its connection. So it needs no lease that somebody must renew, and two
never hold it; a process that dies gives it up with its connection.
"""

from __future__ import annotations

from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows


def elect(connection: Connection, office: str) -> bool:
    """Try to take an office, which lasts until the connection is closed (not: given back to its pool).

    Args:
        connection: In autocommit, one that holds no office yet.
        office: What is to be done once, for all who use this schema of this database.

    Returns:
        Whether it was free.
    """
    return bool(rows(connection, _ELECT, {"office": f"leadgateway {office}"})[0][0])


# A server notices within 20 s that the machine of a connection is gone, instead of the two hours of TCP's default: that
# long the office would be nobody's.
_ELECT = """
SET tcp_keepalives_idle = 5;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
SELECT pg_try_advisory_lock(hashtext(%(office)s), hashtext(current_schema()))
"""
