"""Erasing what is stored of leads at a person's request, and keeping that it was done: by whom, when, of how many.

Which leads are a person's is found by `traces`, which afterwards proves that nothing is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leadgateway.store import arrays
from leadgateway.store.connection import Connection
from leadgateway.store.execute import INDEX_LOOKUPS, rows
from leadgateway.store.people import InFlight, reject
from leadgateway.store.traces import Progress

ERASED = "ERASED"
"""The reject code of a lead that waited when its person's data was erased."""

_LEADS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Erased:
    """What became of leads that were to be erased.

    Attributes:
        done: Leads whose contents are gone.
        ended: Those of them that waited, and are REJECTED now.
        in_flight: Leads that a worker is delivering, with the time until which that may take: nothing was erased.
    """

    done: tuple[int, ...]
    ended: tuple[int, ...]
    in_flight: Mapping[int, datetime]


@dataclass(frozen=True, slots=True)
class Erasure:
    """That somebody's data was erased; not whose."""

    erasure_id: int
    at: datetime
    finished_at: datetime | None
    leads_found: int
    leads_erased: int
    traces_left: int | None
    actor: str
    sought: str
    reference: str | None


def begin_erasure(
    connection: Connection,
    *,
    sought: Literal["email", "phone", "id"],
    leads: int,
    person: str,
    reference: str | None = None,
) -> int:
    """Record that an erasure begins; returns its number.

    Args:
        connection: In autocommit.
        sought: By what the person was sought.
        leads: How many leads were found.
        person: Who erases, as for the other acts of people. Not whose data it is.
        reference: Of the request, such as the number of a ticket; no personal data.
    """
    facts = {
        "sought": sought,
        "leads": leads,
        "actor": f"person:{arrays.storable(person)}",
        "reference": None if reference is None else arrays.storable(reference),
    }
    return int(rows(connection, _BEGIN, facts)[0][0])


def erase(
    connection: Connection,
    erasure_id: int,
    lead_ids: Sequence[int],
    *,
    person: str,
    progress: Progress | None = None,
) -> Erased:
    """Erase all that is stored of leads but their bare record. Those that wait come to an end first, recorded.

    A lead that a worker is on at the moment keeps everything: call it again once the worker is done. A lead that is
    erased already is erased again.

    Args:
        connection: In autocommit.
        erasure_id: Of an erasure that has begun.
        lead_ids: The leads; those that aren't there are passed over.
        person: Who erases.
        progress: Told after each batch: `leads`, how many had their turn, and of how many.
    """
    done: list[int] = []
    ended: list[int] = []
    in_flight: dict[int, datetime] = {}
    for first in range(0, len(lead_ids), _LEADS_AT_ONCE):
        batch = lead_ids[first : first + _LEADS_AT_ONCE]
        acted = reject(connection, batch, code=ERASED, person=person)
        ended += acted.done
        in_flight |= {lead: refusal.until for lead, refusal in acted.refused.items() if isinstance(refusal, InFlight)}
        batch_erased = {"erasure_id": erasure_id, "lead_ids": arrays.number_array(batch)}
        done += rows(connection, INDEX_LOOKUPS + _ERASE, batch_erased)[0][0]
        if progress is not None:
            progress("leads", first + len(batch), len(lead_ids))
    left = {lead: until for lead, until in in_flight.items() if lead not in set(done)}
    return Erased(tuple(done), tuple(ended), left)


def finish_erasure(connection: Connection, erasure_id: int, *, traces_left: int) -> None:
    """Record that an erasure is done, and what the search after it found."""
    rows(connection, _FINISH, {"erasure_id": erasure_id, "traces_left": traces_left})


def erasures(connection: Connection, *, limit: int = 100) -> list[Erasure]:
    """The last erasures, the newest first."""
    return [Erasure(*row) for row in rows(connection, _ERASURES, {"limit": limit})]


def leads_present(connection: Connection, lead_ids: Sequence[int]) -> list[int]:
    """Which of these leads there are."""
    ids = {"lead_ids": arrays.number_array(lead_ids)}
    return [lead_id for (lead_id,) in rows(connection, INDEX_LOOKUPS + _PRESENT, ids)]


def contents_left(connection: Connection, lead_ids: Sequence[int]) -> dict[str, int]:
    """Count, by column, the contents that leads still have: nothing, once they are erased."""
    ids = {"lead_ids": arrays.number_array(lead_ids)}
    return dict(rows(connection, INDEX_LOOKUPS + _CONTENTS_LEFT, ids))


_BEGIN = """
INSERT INTO erasure (at, actor, sought, reference, leads_found)
VALUES (now(), %(actor)s, %(sought)s, %(reference)s, %(leads)s) RETURNING erasure_id
"""

_ERASE = "SELECT erase_leads(%(erasure_id)s, %(lead_ids)s)"

_FINISH = """
UPDATE erasure SET finished_at = now(), traces_left = %(traces_left)s
WHERE erasure_id = %(erasure_id)s AND finished_at IS NULL
"""

_ERASURES = """
SELECT erasure_id, at, finished_at, leads_found, leads_erased, traces_left, actor, sought, reference
FROM erasure ORDER BY erasure_id DESC LIMIT %(limit)s
"""

_PRESENT = "SELECT lead_id FROM lead_state WHERE lead_id = ANY (%(lead_ids)s::bigint[]) ORDER BY lead_id"

_CONTENTS_LEFT = """
WITH asked AS (SELECT * FROM unnest(%(lead_ids)s::bigint[]) AS a (lead_id))
SELECT name, sum(there)::int FROM (
    SELECT 'inbound_lead.body' AS name, (body <> '')::int AS there FROM asked JOIN inbound_lead USING (lead_id)
    UNION ALL SELECT 'inbound_lead.headers', (headers::text <> '{}')::int FROM asked JOIN inbound_lead USING (lead_id)
    UNION ALL SELECT 'duplicate_lead.body', (body <> '')::int FROM asked JOIN duplicate_lead USING (lead_id)
    UNION ALL SELECT 'duplicate_lead.headers', (headers::text <> '{}')::int
              FROM asked JOIN duplicate_lead USING (lead_id)
    UNION ALL SELECT 'delivery_round.payload', (payload <> '')::int FROM asked JOIN delivery_round USING (lead_id)
    UNION ALL SELECT 'delivery_attempt.response_body', (response_body IS NOT NULL)::int
              FROM asked JOIN delivery_attempt USING (lead_id)
    UNION ALL SELECT 'delivery_attempt.response_headers', (response_headers IS NOT NULL)::int
              FROM asked JOIN delivery_attempt USING (lead_id)
) AS left_over GROUP BY name ORDER BY name
"""
