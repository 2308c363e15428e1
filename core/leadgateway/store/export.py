"""Reading many leads whole, one after the other, without holding them all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from leadgateway.route.snapshot import RouteKey
from leadgateway.store import arrays
from leadgateway.store.connection import Engine
from leadgateway.store.execute import INDEX_LOOKUPS, records
from leadgateway.store.search import LeadFilter, all_matching_ids
from leadgateway.store.status import LeadStatus

_BATCH = 500


@dataclass(frozen=True, slots=True)
class ExportedLead:
    """A lead and where it stands.

    Attributes:
        lead_id: The lead.
        correlation_id: From intake.
        route: Whose customer gets it.
        status: Where it stands.
        reject_code: Why it is REJECTED.
        received_at: When it was accepted.
        updated_at: When it came to where it stands.
        attempts: Attempts to deliver it.
        last_response_status: What the customer answered last.
        headers: As sent, without authentication.
        body: Byte for byte as posted; empty once removed.
    """

    lead_id: int
    correlation_id: UUID
    route: RouteKey
    status: LeadStatus
    reject_code: str | None
    received_at: datetime
    updated_at: datetime
    attempts: int
    last_response_status: int | None
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def export(engine: Engine, leads: LeadFilter) -> Iterator[list[ExportedLead]]:
    """Read the leads that are meant, the newest first, in batches.

    Each batch is found by where the one before it ended, as pages are (see `search`), rather than by a cursor of the
    server: an export that takes an hour, to somebody with a slow line, holds neither a transaction, which would keep
    vacuum from its work, nor a connection while it waits. A lead that changes meanwhile appears once, as it is then.
    """
    before: int | None = None
    while True:
        with engine.connect() as connection:
            found = next(all_matching_ids(connection, leads, batch=_BATCH, before=before), None)
            if found is None:
                return
            batch = records(connection, INDEX_LOOKUPS + _WHOLE, {"lead_ids": arrays.number_array(found)})
        yield [ExportedLead(**record | {"status": LeadStatus(record["status"])}) for record in batch]
        before = found[-1]


_WHOLE = """
SELECT o.lead_id, o.correlation_id, o.route, o.status, o.reject_code, o.received_at, o.updated_at, o.attempts,
       o.last_response_status, l.headers, l.body
FROM unnest(%(lead_ids)s::bigint[]) WITH ORDINALITY AS a (lead_id, n)
JOIN lead_overview AS o USING (lead_id) JOIN inbound_lead AS l USING (lead_id)
ORDER BY n
"""
