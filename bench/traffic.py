"""What a system has written and asked for so far, by its servers' own counters."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import psycopg2
import redis

WAL = "write-ahead log, bytes per lead"
COMMITS = "commits per 1,000 leads"
COMMANDS = "Valkey commands per 1,000 leads"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Counted since the servers began.

    Attributes:
        wal_bytes: Written to PostgreSQL's log ahead of the tables.
        commits: Of transactions that wrote something: each waits for the disk, alone or with others. Counted by their
            numbers, which are exact at once; PostgreSQL's statistics come seconds late.
        commands: That Valkey has processed.
    """

    wal_bytes: int
    commits: int
    commands: int

    @classmethod
    def of(cls, database_url: str, valkey_url: str) -> Traffic:
        """What the servers say now."""
        with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0'),"
                " pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
            )
            [(wal_bytes, commits)] = cursor.fetchall()
        with closing(redis.from_url(valkey_url)) as broker:
            commands = broker.info("stats")["total_commands_processed"]
        return cls(int(wal_bytes), int(commits), int(commands))

    def since(self, before: Traffic, leads: int) -> dict[str, float]:
        """What these leads added, by figure."""
        return {
            WAL: (self.wal_bytes - before.wal_bytes) / leads,
            COMMITS: (self.commits - before.commits) / leads * 1000,
            COMMANDS: (self.commands - before.commands) / leads * 1000,
        }
