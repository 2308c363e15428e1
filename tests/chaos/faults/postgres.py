"""PostgreSQL dead, silent, locked, full or out of connections: no lead is accepted that is not on disk."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psutil
import psycopg2

from leadgateway.dev.postgres import ROLE, SUPERUSER
from tests.building.waiting import eventually
from tests.chaos.faults.fault import Fault
from tests.chaos.stack import Stack


@contextmanager
def crashed(stack: Stack) -> Iterator[None]:
    """`pg_ctl stop -m immediate`, and recovery at the end."""
    server = stack.postgres
    os.kill(server.pid, signal.SIGQUIT)
    eventually(lambda: not server.running, what="the end of PostgreSQL")
    yield
    server.start()


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


FAULTS = (
    Fault("PostgreSQL crashed", "postgres", "postgres", (0.5, 5), crashed),
    Fault("PostgreSQL gone", "postgres", "postgres", (2, 60), gone),
    Fault("PostgreSQL stopped", "postgres", "postgres", (2, 15), stopped),
    Fault("table locked", "postgres", "postgres", (2, 10), locked),
    Fault("connection limit reached", "postgres", "postgres", (2, 10), connections_refused),
)
