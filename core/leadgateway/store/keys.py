"""Keys that only one lead can hold: deduplication and Idempotency-Key, one mechanism.

A key is a row of `lead_key`, so its primary key decides between simultaneous transactions: the later one waits for the
earlier one's commit and then finds the row. One statement inserts the keys of a batch or returns who has them; it
sorts them first, so two batches with the same keys in different order wait for each other in one direction only.
A key whose time is over goes to the newcomer in the same statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from leadgateway.route.snapshot import RouteKey
from leadgateway.store import arrays
from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows

KeyKind = Literal["D", "I"]


@dataclass(frozen=True, slots=True)
class Wish:
    """A lead of the batch and the key it should have.

    Attributes:
        lead_id: None: it has none yet and gets one.
        route: Keys are each route's own.
        digest: The key; None: the lead wants none and only gets an id.
        correlation_id: Of the lead, for the answers of those that find the key taken.
        body_digest: Of its body, if what comes with the same key has to be compared.
        window: How long the key is held.
    """

    lead_id: int | None
    route: RouteKey
    digest: bytes | None
    correlation_id: UUID
    body_digest: bytes | None
    window: timedelta | None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a key now."""

    lead_id: int
    correlation_id: UUID
    body_digest: bytes | None


@dataclass(frozen=True, slots=True)
class Granted:
    """What became of a wish: the lead's id, and who has its key (itself, or an earlier lead); None: it wanted none."""

    lead_id: int
    holder: Holder | None

    @property
    def won(self) -> bool:
        """Whether the key is this lead's own."""
        return self.holder is not None and self.holder.lead_id == self.lead_id


_TAKE_KEYS = """
WITH wish AS MATERIALIZED (
    SELECT n, coalesce(lead_id, nextval('lead_id_seq')) AS lead_id, route COLLATE "C" AS route,
           decode(digest, 'hex') AS digest, correlation_id, decode(body_digest, 'hex') AS body_digest, held
    FROM unnest(
        %(lead_ids)s::bigint[], %(routes)s::text[], %(digests)s::text[],
        %(correlation_ids)s::uuid[], %(body_digests)s::text[], %(windows)s::interval[]
    ) WITH ORDINALITY AS w (lead_id, route, digest, correlation_id, body_digest, held, n)
), held AS (
    INSERT INTO lead_key AS k (route, kind, digest, lead_id, correlation_id, body_digest, expires_at)
    SELECT route, %(kind)s, digest, lead_id, correlation_id, body_digest, now() + held
    FROM wish WHERE digest IS NOT NULL ORDER BY route, digest
    ON CONFLICT (route, kind, digest) DO UPDATE SET
        lead_id = CASE WHEN k.expires_at <= now() THEN excluded.lead_id ELSE k.lead_id END,
        correlation_id = CASE WHEN k.expires_at <= now() THEN excluded.correlation_id ELSE k.correlation_id END,
        body_digest = CASE WHEN k.expires_at <= now() THEN excluded.body_digest ELSE k.body_digest END,
        expires_at = CASE WHEN k.expires_at <= now() THEN excluded.expires_at ELSE k.expires_at END
    RETURNING k.route, k.digest, k.lead_id, k.correlation_id, k.body_digest
)
SELECT wish.lead_id, held.lead_id, held.correlation_id, held.body_digest
FROM wish LEFT JOIN held USING (route, digest) ORDER BY n
"""


def take_keys(connection: Connection, kind: KeyKind, wishes: Sequence[Wish], *, begin: bool) -> list[Granted]:
    """Take keys, or learn who has them; in the order of the wishes.

    The keys, and the rows of those who have them, stay locked until the transaction ends: nobody loses or gains one
    of them meanwhile.

    Args:
        connection: In a transaction, unless this begins it.
        kind: Which keys.
        wishes: No two for the same key.
        begin: Begin the transaction in the same round trip.
    """
    found = rows(
        connection,
        f"BEGIN; {_TAKE_KEYS}" if begin else _TAKE_KEYS,
        {
            "kind": kind,
            "lead_ids": arrays.number_array(wish.lead_id for wish in wishes),
            "routes": arrays.text_array(wish.route for wish in wishes),
            "digests": arrays.hex_array(wish.digest for wish in wishes),
            "correlation_ids": arrays.uuid_array(wish.correlation_id for wish in wishes),
            "body_digests": arrays.hex_array(wish.body_digest for wish in wishes),
            "windows": arrays.interval_array(wish.window for wish in wishes),
        },
    )
    return [Granted(lead_id, _holder(*holder)) for lead_id, *holder in found]


def _holder(lead_id: int | None, correlation_id: UUID, body_digest: memoryview | None) -> Holder | None:
    if lead_id is None:
        return None
    return Holder(lead_id, correlation_id, None if body_digest is None else bytes(body_digest))
