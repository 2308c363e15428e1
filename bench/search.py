"""`make bench-search`: how long people wait for a page of leads, among a million.

The leads are made by the database itself. Of each question the median and the greatest of eleven runs are shown; all
run over one connection, with everything in the cache, as for people who look for the second time.
"""

from __future__ import annotations

import argparse
import statistics as numbers
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.settings import DatabaseSettings
from leadgateway.store.connection import Connection
from leadgateway.store.engine import create_store_engine
from leadgateway.store.execute import rows
from leadgateway.store.migrations import migrate
from leadgateway.store.route_state import route_states
from leadgateway.store.search import BodyField, LeadFilter, count_matching, search
from leadgateway.store.statistics import statistics
from leadgateway.store.status import LeadStatus

_RUNS = 11
_DAYS = 10
_ROUTES = 1000


def main() -> None:
    """Fill a database, ask, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("--leads", type=int, default=1_000_000, help="how many leads there are (1000000)")
    count = parser.parse_args().leads
    with tempfile.TemporaryDirectory(prefix="leadgateway-bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        _run(Path(folder), count)


def _run(folder: Path, count: int) -> None:
    with EmbeddedPostgres(folder / "postgres") as server:
        settings = DatabaseSettings(DATABASE_URL=server.url)
        migrate(settings)
        engine = create_store_engine(settings, application_name="bench", pool_size=1)
        with engine.connect() as connection:
            began = time.monotonic()
            fill(connection, count)
            print(f"{count:,} leads made in {time.monotonic() - began:.0f} s")
            _measure(connection, count)
        engine.dispose()


def _measure(connection: Connection, count: int) -> None:
    now = datetime.now(UTC)
    middle = now - timedelta(days=_DAYS / 2)
    last = LeadFilter(correlation_id=UUID(int=count // 2))
    filters = {
        "the newest": LeadFilter(),
        "a route with a tenth of all": LeadFilter(route="bench/large"),
        "a route with one in ten thousand": LeadFilter(route="bench/7"),
        "a route whose leads are all old": LeadFilter(route="bench/old"),
        "given up (1 %)": LeadFilter(statuses=frozenset({LeadStatus.PERMANENTLY_FAILED})),
        "rejected with a rare code": LeadFilter(reject_code="RARE"),
        "waiting (2 %)": LeadFilter(statuses=frozenset({LeadStatus.RECEIVED, LeadStatus.FAILED})),
        "an hour in the middle": LeadFilter(received_from=middle, received_before=middle + timedelta(hours=1)),
        "an e-mail address": LeadFilter(email=f"person{count // 2}@example.com"),
        "a phone number": LeadFilter(phone=f"0681 {1000000 + count // 2}"),
        "a correlation id": last,
        "a common value of the body (half)": LeadFilter(fields=(BodyField("house.is_owner", "true"),)),
        "a value of one in a thousand": LeadFilter(fields=(BodyField("address.zip", "66007"),)),
        "route, status and value": LeadFilter(
            route="bench/large",
            statuses=frozenset({LeadStatus.PERMANENTLY_FAILED}),
            fields=(BodyField("address.zip", "66007"),),
        ),
        "a value that nobody has": LeadFilter(fields=(BodyField("address.zip", "nowhere"),)),
    }
    for name, leads in filters.items():
        _show(f"page: {name}", lambda leads=leads: search(connection, leads))  # type: ignore[misc]
    _show("count: given up", lambda: count_matching(connection, filters["given up (1 %)"]))
    _show("count: all", lambda: count_matching(connection, LeadFilter()))
    day, hour = timedelta(days=1), timedelta(hours=1)
    _show(
        "statistics: the last day by the hour",
        lambda: statistics(connection, received_from=now - day, received_before=now, bucket=hour),
    )
    _show(
        "statistics: everything by the day",
        lambda: statistics(connection, received_from=now - 30 * day, received_before=now, bucket=day),
    )
    _show("routes with their state", lambda: route_states(connection, recent=hour))


def _show(name: str, ask: Callable[[], object]) -> None:
    seconds = []
    for _ in range(_RUNS):
        began = time.monotonic()
        ask()
        seconds.append(time.monotonic() - began)
    median, greatest = numbers.median(seconds) * 1000, max(seconds) * 1000
    print(f"{name:50} {median:7.1f} ms (at the most {greatest:.1f} ms)", flush=True)


def fill(connection: Connection, count: int) -> None:
    """Make the leads."""
    parameters = {"count": count, "days": timedelta(days=_DAYS), "routes": _ROUTES}
    for statement in _FILL.split(";\n"):
        rows(connection, statement, parameters)


# One in ten on the large route, the first hundredth on the old one, the rest on a thousand. Triggers and the index of
# terms would make this take minutes.
_FILL = """
ALTER TABLE lead_state DISABLE TRIGGER USER;
DROP INDEX lead_search_keys;
CREATE TEMP TABLE made AS
SELECT n AS lead_id, now() - %(days)s * (1 - n / %(count)s::float8) AS received_at,
       CASE WHEN n <= %(count)s / 100 THEN 'bench/old' WHEN n %% 10 = 0 THEN 'bench/large'
            ELSE 'bench/' || n %% %(routes)s END AS route,
       (CASE WHEN n %% 100 = 3 THEN 'PERMANENTLY_FAILED' WHEN n %% 50 = 4 THEN 'RECEIVED'
             WHEN n %% 10 = 5 THEN 'REJECTED' ELSE 'DELIVERED' END)::lead_status AS status,
       format('{"email":"person%%s@example.com","phone":"0681 %%s","address":{"zip":"66%%s"},"house":{"is_owner":%%s}}',
              n, 1000000 + n, lpad((n / 7 %% 1000)::text, 3, '0'), n %% 2 = 0) AS body
FROM generate_series(1, %(count)s) AS n;
INSERT INTO inbound_lead (lead_id, received_at, correlation_id, route, config_hash, headers, body)
SELECT lead_id, received_at, lpad(to_hex(lead_id), 32, '0')::uuid, route, 'bench', '{}', convert_to(body, 'UTF8')
FROM made;
INSERT INTO lead_state (lead_id, updated_at, route, status, due_at, ended_at, reject_code)
SELECT lead_id, received_at, route, status, CASE WHEN status = 'RECEIVED' THEN received_at END,
       CASE WHEN status <> 'RECEIVED' THEN received_at END,
       CASE WHEN status = 'REJECTED' THEN CASE WHEN lead_id %% 100000 = 5 THEN 'RARE' ELSE 'NO_ROOF' END END
FROM made;
INSERT INTO status_transition (lead_id, seq, at, from_status, to_status, actor)
SELECT lead_id, 2, received_at, 'READY', status, 'worker:bench' FROM made
WHERE status IN ('PERMANENTLY_FAILED', 'DELIVERED');
CREATE FUNCTION pg_temp.term(what text) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT ('x' || left(encode(sha256(convert_to(what, 'UTF8')), 'hex'), 16))::bit(64)::bigint $$;
CREATE TEMP TABLE zip AS SELECT n, pg_temp.term('value:address.zip=66' || lpad(n::text, 3, '0')) AS term
FROM generate_series(0, 999) AS n;
CREATE TEMP TABLE owner AS SELECT is_owner, pg_temp.term('value:house.is_owner=' || is_owner) AS term
FROM unnest(ARRAY[true, false]) AS is_owner;
INSERT INTO lead_search (lead_id, received_at, route, terms)
SELECT lead_id, received_at, route, ARRAY[
    pg_temp.term('email:person' || lead_id || '@example.com'), pg_temp.term('phone:681' || 1000000 + lead_id),
    zip.term, owner.term
] FROM made JOIN zip ON zip.n = lead_id / 7 %% 1000 JOIN owner ON is_owner = (lead_id %% 2 = 0);
SET maintenance_work_mem = '256MB';
CREATE INDEX lead_search_keys ON lead_search USING gin (search_keys(lead_id, terms));
UPDATE search_progress SET read_up_to = %(count)s, settled_up_to = %(count)s;
SELECT setval('lead_id_seq', %(count)s);
DROP TABLE made;
ALTER TABLE lead_state ENABLE TRIGGER USER;
VACUUM ANALYZE
"""

if __name__ == "__main__":
    main()
