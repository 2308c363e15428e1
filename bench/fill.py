"""Fills the gateway's tables as if it had run for long: leads that wait, and leads that were delivered.

Written with plain SQL, a hundred thousand at a time, since posting ten million would take an hour. Every table gets the
rows that such a lead really has, and what it is found by, so that tables and indexes have their real size and workers
have nothing to make up for. The one index that is neither small nor written in order is made afterwards, at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

import psycopg2

_AT_ONCE = 100_000
_FIRST_NUMBER = 50_000_000
"""Of the leads that are filled in; posted ones have smaller numbers."""
_QUIET_SECONDS = 600.0
UNEXPIRED_DAYS = 60
"""Routes keep leads for 90 days by default. Had they been due to be removed, workers would do so meanwhile."""


def fill(
    database_url: str,
    *,
    waiting: int,
    finished: int,
    routes: int,
    say: Callable[[str], None],
    days: int = UNEXPIRED_DAYS,
) -> None:
    """Write leads into the tables and let PostgreSQL look at them; `settle` is for what that leaves it to do.

    Args:
        database_url: Of the owner of the tables.
        waiting: Leads that are due.
        finished: Leads that were delivered.
        routes: They are spread over this many.
        say: Is told how far it is.
        days: They came in the course of so many, up to now.
    """
    if not waiting and not finished:
        return
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        # Of the filling alone: what is measured commits over connections of its own.
        cursor.execute("SET synchronous_commit = off; SET maintenance_work_mem = '1GB'")
        # Leads begin as RECEIVED, which a trigger sees to; these are written as they ended.
        cursor.execute("ALTER TABLE lead_state DISABLE TRIGGER lead_state_first_step; DROP INDEX lead_search_keys")
        number = _FIRST_NUMBER
        for kind, sql, total in (("finished", _FINISHED, finished), ("waiting", _WAITING, waiting)):
            for first in range(0, total, _AT_ONCE):
                last = min(first + _AT_ONCE, total) - 1
                parameters = {"first": first, "last": last, "number": number, "routes": routes, "days": days}
                cursor.execute(sql, parameters)
                say(f"{kind} leads: {last + 1:,} of {total:,}")
            number += total
        cursor.execute("ALTER TABLE lead_state ENABLE TRIGGER lead_state_first_step")
        cursor.execute(_FIND)
        say("everything is indexed")
        cursor.execute("VACUUM ANALYZE")


def settle(database_url: str) -> None:
    """Let PostgreSQL finish what filling leaves it to do, which would count as the cost of the leads that come next.

    Args:
        database_url: Of a superuser.

    Raises:
        TimeoutError: Autovacuum did not come to an end within ten minutes.
    """
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        end = time.monotonic() + _QUIET_SECONDS
        while time.monotonic() < end:
            cursor.execute("SELECT count(*) FROM pg_stat_progress_vacuum")
            if cursor.fetchall() == [(0,)]:
                break
            time.sleep(1)
        else:
            raise TimeoutError(f"autovacuum was still running after {_QUIET_SECONDS:.0f} s")
        cursor.execute("CHECKPOINT")


_LEAD = """
WITH lead AS MATERIALIZED (
    SELECT nextval('lead_id_seq') AS lead_id, 'default/route-' || n %% %(routes)s AS route,
           now() - n %% (%(days)s * 24) * interval '1 hour' - interval '1 minute' AS at,
           format('lead%%s@example.com', %(number)s + n) AS email,
           format('+49681%%s', %(number)s + n) AS phone
    FROM generate_series(%(first)s, %(last)s) AS n
), arrived AS (
    INSERT INTO inbound_lead (lead_id, received_at, correlation_id, route, config_hash, headers, body)
    SELECT lead_id, at, uuidv7(), route, repeat('0', 64), '{"content-type":"application/json"}',
           convert_to(format(
               '{"email":"%%s","phone":"%%s",'
               '"address":{"zip":"66123","street":"Hauptstr. 1"},"house":{"is_owner":true}}', email, phone), 'UTF8')
    FROM lead
), received AS (
    INSERT INTO status_transition (lead_id, seq, at, to_status, actor, config_hash)
    SELECT lead_id, 1, at, 'RECEIVED', 'webhook', repeat('0', 64) FROM lead
), found AS (
    INSERT INTO lead_search (lead_id, received_at, route, terms)
    SELECT lead_id, at, route, ARRAY(
        SELECT substr(sha256(convert_to(what, 'UTF8')), 1, 8)::bigint
        FROM unnest(ARRAY[
            'value:email=' || email, 'email:' || email, 'value:phone=' || phone, 'phone:' || phone,
            'phone:' || substr(phone, 2), 'value:address.zip=66123', 'value:address.street=hauptstr. 1',
            'value:house.is_owner=true'
        ]) AS what
    ) FROM lead
)
"""

_WAITING = _LEAD + "INSERT INTO lead_state (lead_id, route, due_at, updated_at) SELECT lead_id, route, at, at FROM lead"

_FINISHED = (
    _LEAD
    + """, state AS (
    INSERT INTO lead_state (lead_id, route, updated_at, ended_at, status, transitions, attempts, lease_token)
    SELECT lead_id, route, at, at, 'DELIVERED', 3, 1, 1 FROM lead
), begun AS (
    INSERT INTO delivery_round (lead_id, round, created_at, idempotency_key, config_hash, payload)
    SELECT lead_id, 1, at, gen_random_uuid(), repeat('0', 64),
           convert_to(format(
               '{"customer_email":"%%s","customer_zip":"66123","customer_street":"Hauptstr. 1",'
               '"is_homeowner":true,"phone":"%%s","product":{"name":"Solaranlage"}}', email, phone), 'UTF8')
    FROM lead
), attempted AS (
    INSERT INTO delivery_attempt (
        lead_id, number, round, started_at, duration_ms, kind, response_status, response_headers, response_body, worker,
        config_hash, lease_token
    )
    SELECT lead_id, 1, 1, at, 20, 'delivered', 200, '{"content-type":"application/json"}', '{"status":"ok"}',
           'worker-1', repeat('0', 64), 1
    FROM lead
)
INSERT INTO status_transition (lead_id, seq, at, from_status, to_status, actor, config_hash)
SELECT lead_id, 2, at, 'RECEIVED'::lead_status, 'READY'::lead_status, 'worker:worker-1', repeat('0', 64) FROM lead
UNION ALL
SELECT lead_id, 3, at, 'READY', 'DELIVERED', 'worker:worker-1', repeat('0', 64) FROM lead
"""
)

_FIND = """
CREATE INDEX lead_search_keys ON lead_search USING gin (search_keys(lead_id, terms));
UPDATE search_progress SET read_up_to = (SELECT max(lead_id) FROM inbound_lead),
                           settled_up_to = (SELECT max(lead_id) FROM inbound_lead), backfilled_down_to = 0
"""
