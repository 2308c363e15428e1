"""Keeping `lead_search` up with the leads: a moment after they are stored, and not by those who store them.

Leads are taken on in the order of their numbers, from the highest that was taken on before (`read_up_to`). A number is
given before its lead is committed, so one may turn up below that mark: what lies above `settled_up_to` is looked
through for such leads now and then, until it is older than any transaction that stores leads may be. The same finds
leads that a process took on and then died. Leads from before there was an index come last, the newest of them first
(`backfilled_down_to`).

Several processes may do all this at once: each batch is one's own, and indexing a lead twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from leadgateway.pipeline.lead import InvalidLead, parse_lead
from leadgateway.pipeline.search_terms import lead_terms
from leadgateway.store import arrays
from leadgateway.store.connection import Connection
from leadgateway.store.execute import INDEX_LOOKUPS, Row, retrying, rows

SETTLED_AFTER = timedelta(minutes=2)
"""How long a transaction that stores leads may take: several times what the time limits of the webhook allow it."""

_UNBROKEN = 8
"""Leads between two breaths: 0.3 to 0.5 ms of computing."""

FORGETTING = int.from_bytes(b"leadfind", "big")
"""Of `pg_advisory_xact_lock`: whoever empties or deletes leads holds it alone, whoever indexes shares it, so that what
was just erased isn't written into the index by a process that has read it before. (`empty_leads`, in the migrations.)
"""


def _without_a_breath() -> None:
    pass


def index_new(connection: Connection, *, limit: int = 500, breathe: Callable[[], None] = _without_a_breath) -> int:
    """Make leads findable that were stored since the last call, by whichever process.

    Args:
        connection: In autocommit.
        limit: How many at the most. Call it again while it returns that many.
        breathe: Called every few leads, by somebody who has time, so that others get the processor.

    Returns:
        How many leads were taken on.
    """
    return _index_batch(connection, _TAKE_NEW, limit, breathe)


def index_old(connection: Connection, *, limit: int = 500, breathe: Callable[[], None] = _without_a_breath) -> int:
    """Make leads findable that were stored before there was an index; like `index_new`, but the newest first."""
    return _index_batch(connection, _TAKE_OLD, limit, breathe)


def index_missed(connection: Connection, *, limit: int = 500, breathe: Callable[[], None] = _without_a_breath) -> int:
    """Make leads findable that were passed over: stored out of order, or taken on by a process that died.

    Looks through what was stored in the last minutes; once or twice a minute is enough. Like `index_new` otherwise.
    """
    settled = {"settled_after": SETTLED_AFTER, "limit": limit}
    ends = rows(connection, _SETTLED_END, settled)
    missed = rows(connection, INDEX_LOOKUPS + _MISSED, settled)
    _write(connection, missed, breathe)
    if len(missed) < limit:
        for (end,) in ends:
            rows(connection, _SETTLE, {"end": end})
    return len(missed)


def catch_up(connection: Connection, *, at_most: int = 2000) -> bool:
    """Index what is new, for somebody who is about to search.

    Returns:
        Whether everything new is indexed. If not, more than `at_most` leads were waiting for it.
    """
    batch = 500
    return any(index_new(connection, limit=batch) < batch for _ in range(max(at_most // batch, 1)))


def _index_batch(connection: Connection, take: str, limit: int, breathe: Callable[[], None]) -> int:
    taken: Callable[[], list[Row]] = lambda: rows(connection, INDEX_LOOKUPS + take, {"limit": limit})  # noqa: E731
    leads = retrying(taken)
    _write(connection, leads, breathe)
    return len(leads)


def _write(connection: Connection, leads: Sequence[Row], breathe: Callable[[], None]) -> None:
    if not leads:
        return
    parameters = {
        "forgetting": FORGETTING,
        "lead_ids": arrays.number_array(lead_id for lead_id, _ in leads),
        "terms": arrays.number_arrays(_terms_of_all(leads, breathe)),
    }
    retrying(lambda: rows(connection, f"{_SHARE};{INDEX_LOOKUPS}{_WRITE}", parameters))


def _terms_of_all(leads: Sequence[Row], breathe: Callable[[], None]) -> Iterator[list[int]]:
    for number, (_, body) in enumerate(leads, start=1):
        yield _terms(bytes(body))
        if number % _UNBROKEN == 0:
            breathe()


def _terms(body: bytes) -> list[int]:
    try:
        return lead_terms(parse_lead(body))
    except InvalidLead:  # emptied, or stored when other bodies were accepted
        return []


# One batch is one process's, since it moves the mark in the statement that reads it.
_TAKE_NEW = """
WITH progress AS MATERIALIZED (
    SELECT read_up_to FROM search_progress FOR UPDATE
), taken AS MATERIALIZED (
    SELECT l.lead_id, l.body FROM inbound_lead AS l
    WHERE l.lead_id > (SELECT read_up_to FROM progress) ORDER BY l.lead_id LIMIT %(limit)s
), moved AS (
    UPDATE search_progress SET read_up_to = (SELECT max(lead_id) FROM taken)
    WHERE EXISTS (SELECT FROM taken)
)
SELECT lead_id, body FROM taken
"""

_TAKE_OLD = """
WITH progress AS MATERIALIZED (
    SELECT backfilled_down_to FROM search_progress WHERE backfilled_down_to > 0 FOR UPDATE
), taken AS MATERIALIZED (
    SELECT l.lead_id, l.body FROM inbound_lead AS l
    WHERE l.lead_id <= (SELECT backfilled_down_to FROM progress) ORDER BY l.lead_id DESC LIMIT %(limit)s
), moved AS (
    UPDATE search_progress SET backfilled_down_to = coalesce((SELECT min(lead_id) - 1 FROM taken), 0)
    WHERE EXISTS (SELECT FROM progress)
)
SELECT lead_id, body FROM taken
"""

# The bounds are subqueries here and below: joined, they would be looked at after the whole index of leads was read.
_SETTLED_END = """
SELECT lead_id FROM inbound_lead
WHERE lead_id > (SELECT settled_up_to FROM search_progress) AND lead_id <= (SELECT read_up_to FROM search_progress)
  AND received_at < now() - %(settled_after)s
ORDER BY lead_id DESC LIMIT 1
"""

_MISSED = """
SELECT l.lead_id, l.body FROM inbound_lead AS l
WHERE l.lead_id > (SELECT settled_up_to FROM search_progress) AND l.lead_id <= (SELECT read_up_to FROM search_progress)
  AND NOT EXISTS (SELECT FROM lead_search AS x WHERE x.lead_id = l.lead_id AND x.terms IS NOT NULL)
ORDER BY l.lead_id LIMIT %(limit)s
"""

_SETTLE = "UPDATE search_progress SET settled_up_to = %(end)s WHERE settled_up_to < %(end)s"

_SHARE = "SELECT pg_advisory_xact_lock_shared(%(forgetting)s)"

# A statement of its own after the lock is granted: it sees what was emptied or deleted until then. Who moves a lead to
# another route puts its row here too (see `people`), so the route of a row that is there already is the newer one.
_WRITE = """
INSERT INTO lead_search AS x (lead_id, received_at, route, terms)
SELECT l.lead_id, l.received_at, s.route, CASE WHEN l.body = '' THEN '{}' ELSE t.terms::bigint[] END
FROM unnest(%(lead_ids)s::bigint[], %(terms)s::text[]) AS t (lead_id, terms)
JOIN inbound_lead AS l USING (lead_id) JOIN lead_state AS s USING (lead_id)
ON CONFLICT (lead_id) DO UPDATE SET terms = excluded.terms WHERE x.terms IS NULL
"""
