"""The headers that leads came with."""

from __future__ import annotations

import json
from collections.abc import Collection

from leadgateway.store import arrays
from leadgateway.store.connection import Connection
from leadgateway.store.execute import INDEX_LOOKUPS, rows


def sent_headers(connection: Connection, lead_ids: Collection[int]) -> dict[int, dict[str, str]]:
    """The headers of leads as they were stored: by lower-case name, without those that authenticate.

    Args:
        connection: In autocommit.
        lead_ids: Which leads.

    Raises:
        StoreError: There is no answer.
    """
    found = rows(connection, INDEX_LOOKUPS + _HEADERS, {"lead_ids": arrays.number_array(lead_ids)})
    return {lead_id: json.loads(headers) for lead_id, headers in found}


# As text: PostgreSQL itself could not read a header out of a document that has a NUL in another one.
_HEADERS = """
SELECT lead_id, headers::text FROM inbound_lead WHERE lead_id = ANY (%(lead_ids)s::bigint[])
"""
