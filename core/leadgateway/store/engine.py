"""Connections to PostgreSQL as every role uses them: quick to notice a dead server, durable, and never chatty.

libpq finds out that a peer is gone within two seconds: while connecting (`connect_timeout`), when data we sent is not
acknowledged (`tcp_user_timeout`) and when we only wait for an answer (keepalives). A connection string may name several
hosts; `target_session_attrs=read-write` then finds the primary after a failover.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import psycopg2
from psycopg2.extensions import connection as PsycopgConnection  # noqa: N812
from psycopg2.extensions import parse_dsn
from psycopg2.extras import register_uuid

from leadgateway.settings import DatabaseSettings
from leadgateway.store.connection import Engine
from leadgateway.store.errors import StoreUnavailable, store_error
from leadgateway.store.execute import NOT_FOR_LOOKUPS

_PEER_DEAD_AFTER: Mapping[str, int] = {
    "connect_timeout": 2,  # seconds; libpq takes 1 as 2
    "tcp_user_timeout": 2000,  # milliseconds
    "keepalives_idle": 1,
    "keepalives_interval": 1,
    "keepalives_count": 1,
}
_SESSION = """
SET jit = off;  -- compiling a plan costs more than any of ours runs
SET TIME ZONE 'UTC';
-- ours are written for the defaults, which a server, a database or a role may have changed for somebody else's sake
SET DateStyle = 'ISO';
SET IntervalStyle = 'postgres';
SET default_transaction_isolation = 'read committed';
SET client_min_messages = warning;  -- see intake: a warning means that a commit is not what it should be
SET idle_in_transaction_session_timeout = '15s';  -- a process that was stopped holds locks no longer
-- a server whose client vanished without a word keeps its connection for hours by default: a network that comes and
-- goes would use all of them up
SET tcp_keepalives_idle = 5;
SET tcp_keepalives_interval = 2;
SET tcp_keepalives_count = 3;
SET tcp_user_timeout = '10s';
SELECT set_config('statement_timeout', %(statement_timeout)s, false);
-- an accepted lead is on disk: a server whose default is weaker is overruled, a stronger one kept
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
"""

_LOOKUPS_ONLY = ";".join(
    ("", *(f"SET {way} = off" for way in NOT_FOR_LOOKUPS), "SET plan_cache_mode = force_generic_plan")
)
"""As `execute.INDEX_LOOKUPS`, but for a whole session: plans that are kept are made, and made again, this way too."""


def create_store_engine(
    settings: DatabaseSettings,
    *,
    application_name: str,
    statement_timeout: timedelta = timedelta(0),
    pool_size: int = 5,
    plans_lookups: bool = False,
) -> Engine:
    """Make an engine with connections as the functions of this package want them: in autocommit.

    Nothing is connected yet. Connecting raises StoreUnavailable; a pooled connection that has been idle for a second is
    tried before it is handed out, so a restart of PostgreSQL fails no one who comes after it.

    Args:
        settings: Where PostgreSQL is.
        application_name: What PostgreSQL's own views call us, such as `leadgateway webhook`.
        statement_timeout: A statement that runs longer is ended with StoreTimeout; zero: never.
        pool_size: Connections at the most.
        plans_lookups: For statements that touch a few rows by their keys, whatever the size of the tables; their plans
            are made once a connection. See `leadgateway.store.execute.lookup`.
    """
    parameters = {**_PEER_DEAD_AFTER, "application_name": application_name, **connection_parameters(settings)}
    session = _SESSION + _LOOKUPS_ONLY if plans_lookups else _SESSION
    return Engine(lambda: _connect(parameters, session, statement_timeout), size=pool_size, plans_lookups=plans_lookups)


def connection_parameters(settings: DatabaseSettings) -> dict[str, str | int]:
    """What libpq is told about the server: the parts of DATABASE_URL, or the POSTGRES_* settings."""
    if settings.url is not None:
        return dict(parse_dsn(settings.url.get_secret_value()))
    return {
        "host": settings.host,
        "port": settings.port,
        "dbname": settings.name,
        "user": settings.user,
        "password": settings.password.get_secret_value(),
    }


def _connect(parameters: Mapping[str, str | int], session: str, statement_timeout: timedelta) -> PsycopgConnection:
    connection = _connect_to_any(parameters)
    try:
        connection.autocommit = True
        register_uuid(conn_or_curs=connection)  # type: ignore[no-untyped-call]
        with connection.cursor() as cursor:
            milliseconds = statement_timeout // timedelta(milliseconds=1)
            cursor.execute(session, {"statement_timeout": f"{milliseconds}ms"})
    except psycopg2.Error as error:
        connection.close()
        raise store_error(error) from None
    return connection


def _connect_to_any(parameters: Mapping[str, str | int]) -> PsycopgConnection:
    """Connect to the first host that lets us.

    libpq goes on to the next host when it can't reach one, but not when that one takes the connection and ends it, as a
    proxy does whose server is gone. So each host gets its turn to be the first.
    """
    failure = ""
    for turn in range(str(parameters.get("host", "")).count(",") + 1):
        try:
            connection: PsycopgConnection = psycopg2.connect(**_beginning_at(turn, parameters))
        except psycopg2.Error as error:
            # libpq's sentence names host and cause (refused, no such database, wrong password), never the password
            failure = str(error).strip()
        else:
            return connection
    raise StoreUnavailable(f"can't connect to PostgreSQL: {failure}")


def _beginning_at(turn: int, parameters: Mapping[str, str | int]) -> dict[str, Any]:
    rotated = {}
    for name in ("host", "hostaddr", "port"):
        listed = str(parameters.get(name, "")).split(",")
        if len(listed) > 1:  # one port may stand for all hosts
            rotated[name] = ",".join(listed[turn:] + listed[:turn])
    return {**parameters, **rotated}
