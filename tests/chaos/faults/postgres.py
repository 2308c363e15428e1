"""PostgreSQL dead, silent, locked, full or out of connections: no lead is accepted that is not on disk."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psutil
import psycopg2

from leadgateway.dev.postgres import ROLE, SUPERUSER, EmbeddedPostgres
from tests.building.waiting import eventually
from tests.chaos.faults.fault import Fault
from tests.chaos.replication import promote
from tests.chaos.stack import Stack


@contextmanager
def crashed(stack: Stack) -> Iterator[None]:
    """`pg_ctl stop -m immediate`, and recovery at the end."""
    _die(stack.postgres)
    yield
    stack.postgres.start()


def _die(server: EmbeddedPostgres) -> None:
    os.kill(server.pid, signal.SIGQUIT)
    eventually(lambda: not server.running, what="the end of PostgreSQL")


@contextmanager
def gone(stack: Stack) -> Iterator[None]:
    """`pg_ctl stop -m fast`."""
    stack.postgres.stop()
    yield
    stack.postgres.start()


@contextmanager
def stopped(stack: Stack) -> Iterator[None]:
    """Every one of its processes is there, and silent."""
    server = psutil.Process(stack.postgres.pid)
    processes = [server, *server.children(recursive=True)]
    for process in processes:
        process.suspend()
    yield
    for process in reversed(processes):
        process.resume()


@contextmanager
def locked(stack: Stack) -> Iterator[None]:
    """Somebody holds the table of all leads' states, as a careless migration would."""
    with closing(psycopg2.connect(stack.postgres.url)) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE lead_state IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


@contextmanager
def connections_refused(stack: Stack) -> Iterator[None]:
    """All connections of the gateway ended, and no new one allowed."""
    url = stack.postgres.url_of(ROLE, role=SUPERUSER)
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (ROLE,))
        yield
        cursor.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")


@contextmanager
def disk_full(stack: Stack) -> Iterator[None]:
    """No byte left for data and write-ahead log; PostgreSQL may die of it, and is started again when there is room."""
    with stack.disk.full():
        yield
    for server in filter(None, (stack.standby, stack.postgres)):
        server.start()


@contextmanager
def failed_over(stack: Stack) -> Iterator[None]:
    """The primary dies and never returns; its standby is promoted."""
    assert stack.standby is not None
    _die(stack.postgres)
    yield
    promote(stack.standby)
    stack.postgres, stack.standby = stack.standby, None


@contextmanager
def standby_gone(stack: Stack) -> Iterator[None]:
    """The standby is away, so that no commit is acknowledged, unless it is the primary by now."""
    standby = stack.standby
    if standby is not None:
        _die(standby)
    yield
    if standby is not None:
        standby.start()


FAULTS = (
    Fault("PostgreSQL crashed", "postgres", "postgres", (0.5, 5), crashed),
    Fault("PostgreSQL gone", "postgres", "postgres", (2, 60), gone),
    Fault("PostgreSQL stopped", "postgres", "postgres", (2, 15), stopped),
    Fault("table locked", "postgres", "postgres", (2, 10), locked),
    Fault("connection limit reached", "postgres", "postgres", (2, 10), connections_refused),
    Fault("disk full", "postgres", "postgres", (2, 10), disk_full, needs="small_disk"),
    Fault("standby gone", "postgres", "postgres", (1, 10), standby_gone, needs="standby"),
    Fault("failover", "postgres", "postgres", (0.5, 5), failed_over, once=True, needs="standby"),
)
