"""`make bench-retention`: how fast retention removes, and how long an erasure with its proof takes, among a million.

The leads are those of `bench.fill`, with all the rows that delivered leads have. Retention is called as workers call
it, one batch after the other over one connection, without the pauses that they make in between.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from bench.fill import fill
from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.person import EmailAddress
from leadgateway.settings import DatabaseSettings
from leadgateway.store.connection import Connection
from leadgateway.store.engine import create_store_engine
from leadgateway.store.erasure import begin_erasure, erase, finish_erasure
from leadgateway.store.execute import rows
from leadgateway.store.migrations import migrate
from leadgateway.store.retention import Part, ends, remove
from leadgateway.store.traces import find_person

_ROUTES = 100
_DAYS = 365
_BATCH = 500
_CONTENTS_AFTER, _RECORDS_AFTER = timedelta(days=90), timedelta(days=180)


def main() -> None:
    """Fill a database, erase a person, apply retention, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.retention", description=__doc__)
    parser.add_argument("--leads", type=int, default=1_000_000, help="how many leads there are (1000000)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each part of retention runs (30)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="leadgateway-bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        with EmbeddedPostgres(Path(folder) / "postgres") as server, _filled(server.url, options.leads) as connection:
            _measure_erasure(connection)
            for part, after in (("contents", _CONTENTS_AFTER), ("records", _RECORDS_AFTER)):
                _measure_retention(connection, part, after, seconds=options.seconds)  # type: ignore[arg-type]


@contextmanager
def _filled(url: str, leads: int) -> Iterator[Connection]:
    settings = DatabaseSettings(DATABASE_URL=url)
    migrate(settings)
    with _timed(f"{leads:,} leads made in {{:.0f}} s"):
        fill(url, waiting=0, finished=leads, routes=_ROUTES, say=lambda _: None, days=_DAYS)
    engine = create_store_engine(settings, application_name="bench", pool_size=1)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _measure_erasure(connection: Connection) -> None:
    [(body,)] = rows(connection, "SELECT convert_from(body, 'UTF8')::json ->> 'email' FROM inbound_lead LIMIT 1")
    person = EmailAddress.parse(body)
    with _timed("erasure: finding a person in every table took {:.1f} s"):
        found = find_person(connection, person)
    number = begin_erasure(connection, sought="email", leads=len(found.lead_ids), person="bench")
    with _timed(f"erasure: removing {len(found.lead_ids)} lead took {{:.3f}} s"):
        erase(connection, number, found.lead_ids, person="bench")
    with _timed("erasure: the proof, reading every table again, took {:.1f} s"):
        left = find_person(connection, person)
    finish_erasure(connection, number, traces_left=sum(left.columns.values()))
    print(f"erasure: {sum(found.columns.values())} values before, {sum(left.columns.values())} after")


def _measure_retention(connection: Connection, part: Part, after: timedelta, *, seconds: float) -> None:
    done, longest, began = 0, 0.0, time.monotonic()
    for route in [each.route for each in ends(connection).routes]:
        while time.monotonic() - began < seconds:
            batch_began = time.monotonic()
            removed = remove(connection, part, route=route, older_than=after, limit=_BATCH) or 0
            longest = max(longest, time.monotonic() - batch_began)
            done += removed
            if removed < _BATCH:
                break
    spent = time.monotonic() - began
    print(
        f"retention: {part} of {done:,} leads in {spent:.1f} s: {done / spent:,.0f} leads/s, "
        f"the longest batch of {_BATCH} took {longest * 1000:.0f} ms",
        flush=True,
    )


@contextmanager
def _timed(sentence: str, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    began = clock()
    yield
    print(sentence.format(clock() - began), flush=True)


if __name__ == "__main__":
    main()
