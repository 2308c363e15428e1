"""What a lead costs PostgreSQL does not grow with the number of leads that are there already."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from leadgateway.dev.postgres import SUPERUSER, EmbeddedPostgres
from leadgateway.settings import DatabaseSettings
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.execute import rows
from leadgateway.store.migrations import migrate
from leadgateway.store.search_index import catch_up, index_missed
from tests.building.stored_leads import Worker, new_lead, store_engine, stored

OTHERS = 400_000
LEADS = 2_000
MOST_BYTES = 4_000
"""Of write-ahead log a lead. An index over terms alone, which is written all over, took 20,000 here."""

_OTHERS = """
INSERT INTO lead_search (lead_id, received_at, route, terms)
SELECT n, now() - interval '1 day', 'default/other', ARRAY(
    SELECT hashint8extended(n * 5 + i, 0) FROM generate_series(1, 5) AS i
) FROM generate_series(1, %(others)s) AS n;
UPDATE search_progress SET read_up_to = %(others)s, settled_up_to = %(others)s;
SELECT setval('lead_id_seq', %(others)s)
"""


_LONG_AGO = """
INSERT INTO inbound_lead (lead_id, received_at, correlation_id, route, config_hash, headers, body)
SELECT n, now() - interval '1 day', gen_random_uuid(), 'default/other', '', '{}', 'x'
FROM generate_series(1, %(others)s) AS n;
UPDATE search_progress SET read_up_to = %(others)s, settled_up_to = %(others)s
"""


_ROUNDS_READ = """
SELECT pg_stat_get_tuples_returned(indexrelid) + pg_stat_get_tuples_returned(indrelid) FROM pg_index
WHERE indexrelid = 'delivery_round_pkey'::regclass
"""


def lead(number: int) -> bytes:
    return json.dumps({"email": f"lead{number}@example.com", "phone": f"0681 {1_000_000 + number}"}).encode()


@pytest.fixture
def server(server_folder: Path) -> Iterator[EmbeddedPostgres]:
    """One that logs whole pages, as those of customers do."""
    with EmbeddedPostgres(server_folder) as server:
        migrate(DatabaseSettings(DATABASE_URL=server.url))
        yield server


def checkpoint(server: EmbeddedPostgres) -> None:
    """After it, the first change of each page logs the whole page."""
    with closing(psycopg2.connect(server.url_of("postgres", role=SUPERUSER))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")


def leads_read(connection: Connection) -> int:
    rows(connection, "SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
    rows(connection, "SELECT pg_stat_clear_snapshot()")
    counted = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'inbound_lead'"
    [(read,)] = rows(connection, counted)
    return int(read)


def test_looking_for_leads_that_were_missed_reads_those_of_the_last_minutes_only(
    connection: Connection, store_database: str
) -> None:
    rows(connection, _LONG_AGO, {"others": OTHERS})
    rows(connection, "VACUUM ANALYZE")
    leads_read(connection)
    chores = store_engine(store_database)
    with chores.connect() as ordinary:
        before = leads_read(ordinary)

        index_missed(ordinary)

        assert leads_read(ordinary) - before < 100
    chores.dispose()


def test_a_claim_that_was_planned_before_there_were_rounds_reads_none_but_its_own(engine: Engine) -> None:
    with engine.connect() as connection:
        worker = Worker(connection)
        rows(connection, "VACUUM ANALYZE delivery_round")
        stored(connection, count=400)
        for _ in range(3):
            worker.mark_ready(worker.claim(100))
        rows(connection, "SELECT pg_stat_force_next_flush()")
        [(before,)] = rows(connection, _ROUNDS_READ)

        assert len(worker.claim(100)) == 100

        rows(connection, "SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        rows(connection, "SELECT pg_stat_clear_snapshot()")
        assert rows(connection, _ROUNDS_READ) == [(before,)]


def test_what_indexing_a_lead_logs_stays_the_same(server: EmbeddedPostgres) -> None:
    engine = store_engine(server.url)
    with engine.connect() as connection:
        rows(connection, _OTHERS, {"others": OTHERS})
        rows(connection, "VACUUM ANALYZE lead_search")
        stored(connection, *(new_lead(body=lead(number)) for number in range(LEADS)))
        checkpoint(server)
        [(before,)] = rows(connection, "SELECT pg_current_wal_lsn()")

        assert catch_up(connection, at_most=LEADS + 500)

        rows(connection, "VACUUM lead_search")  # what it takes to sort them into the index
        [(logged,)] = rows(connection, "SELECT pg_current_wal_lsn() - %(before)s::pg_lsn", {"before": before})
    engine.dispose()
    assert logged / LEADS < MOST_BYTES
