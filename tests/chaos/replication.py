"""A synchronous standby of an embedded PostgreSQL: every commit is on both, so that either may go."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg2

from leadgateway.dev.postgres import SUPERUSER, EmbeddedPostgres
from tests.building.waiting import eventually

SETTINGS = {
    "wal_level": "replica",
    "max_wal_senders": "4",
    "wal_keep_size": "512MB",
    "wal_retrieve_retry_interval": "500ms",
}
"""Of both servers."""


def start_standby(primary: EmbeddedPostgres, folder: Path) -> EmbeddedPostgres:
    """Copy the data of a primary, and let the copy follow it; every commit waits for it from then on.

    Args:
        primary: With SETTINGS; it runs, and is restarted.
        folder: For the copy.
    """
    primary.stop()
    subprocess.run(["cp", "--archive", primary.folder, folder], check=True)
    shutil.rmtree(folder / "run", ignore_errors=True)
    cluster = folder / "cluster"
    with (cluster / "postgresql.auto.conf").open("a") as configuration:
        configuration.write(f"primary_conninfo = '{superuser_url(primary)}'\n")
    signal_file = cluster / "standby.signal"
    signal_file.touch()
    owner = cluster.stat()
    os.chown(signal_file, owner.st_uid, owner.st_gid)
    primary.start()
    standby = EmbeddedPostgres(folder, durable=False, settings=SETTINGS).start()
    _as_superuser(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
    _as_superuser(primary, "SELECT pg_reload_conf()")
    eventually(
        lambda: _as_superuser(primary, "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"),
        within=60,
        what="a synchronous standby",
    )
    return standby


def promote(standby: EmbeddedPostgres) -> None:
    """Make it a primary, which waits for no standby."""
    _as_superuser(standby, "SELECT pg_promote(true, 60)")


def superuser_url(server: EmbeddedPostgres) -> str:
    return server.url_of("postgres", role=SUPERUSER)


def _as_superuser(server: EmbeddedPostgres, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(superuser_url(server))) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []
