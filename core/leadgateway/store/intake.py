"""Storing leads: each one is on disk, once, before anybody is told.

A batch is decided and written in one transaction. Leads without keys take one round trip and one commit. Keys take one
or two more: an Idempotency-Key names one post, a deduplication key one person's interest; see `keys`.

Two processes never deadlock over keys: each takes all its Idempotency-Keys first, then its deduplication keys, both in
the order of the index, and of equal ones in a batch only the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from leadgateway.store import arrays
from leadgateway.store.arrival import Answer, Duplicate, KeyReused, NewLead, Refused, Stored
from leadgateway.store.connection import Connection
from leadgateway.store.errors import RowRefused, StoreUnavailable
from leadgateway.store.execute import Lookup, lookup, retrying, rows, undone_on_error
from leadgateway.store.keys import KeyKind, take_keys
from leadgateway.store.repeats import Reassigned, Repeats

__all__ = ["Answer", "Duplicate", "KeyReused", "NewLead", "Refused", "Stored", "store_batch"]


def store_batch(connection: Connection, leads: Sequence[NewLead]) -> list[Answer]:
    """Store leads that arrived together and say, in their order, what became of each.

    Everything that is answered has been committed. A lead that the database refuses is found by halving the batch, so
    that its neighbours don't suffer.

    Args:
        connection: In autocommit; not inside a transaction.
        leads: At the most a few hundred; equal keys among them are fine.

    Raises:
        StoreUnavailable: Of those without an answer nothing is known: a commit may have got through, or is on this
            server alone though a synchronous standby should have it, too.
        StoreError: Something else is wrong; nothing of the batch was stored.
    """
    if not leads:
        return []
    try:
        return retrying(lambda: _confirmed(connection, leads))
    except RowRefused as error:
        if len(leads) == 1:
            return [Refused(error)]
    middle = len(leads) // 2
    return store_batch(connection, leads[:middle]) + store_batch(connection, leads[middle:])


def _confirmed(connection: Connection, leads: Sequence[NewLead]) -> list[Answer]:
    """Store a batch, and trust only a commit without a warning.

    Whoever cancels a commit that waits for a synchronous standby makes PostgreSQL confirm it, with a warning, though
    the standby lacks it: a failover would lose what was answered. No statement of ours warns of anything else.
    """
    notices = connection.session.driver.notices
    notices.clear()
    answers = _store(connection, leads)
    if notices:
        raise StoreUnavailable("PostgreSQL committed with a warning: the synchronous standby may not have it")
    return answers


def _store(connection: Connection, leads: Sequence[NewLead]) -> list[Answer]:
    if any(lead.idempotency_key is not None or lead.dedup_key is not None for lead in leads):
        with undone_on_error(connection):
            return _store_with_keys(connection, leads)
    ids = lookup(connection, _STORE_LEADS, _lead_columns(leads, [None] * len(leads)))
    return [Stored(lead_id, lead.correlation_id) for (lead_id,), lead in zip(ids, leads, strict=True)]


def _store_with_keys(connection: Connection, leads: Sequence[NewLead]) -> list[Answer]:
    repeats = Repeats(leads)
    kinds: tuple[KeyKind, ...] = ("I", "D")
    for kind in kinds:
        wishes = repeats.wishes(kind)
        if wishes:
            begin = not repeats.ids
            granted = take_keys(connection, kind, list(wishes.values()), begin=begin)
            repeats.settle(kind, dict(zip(wishes, granted, strict=True)))
    answers = repeats.answers()
    _write(connection, repeats, answers)
    return answers


def _write(connection: Connection, repeats: Repeats, answers: Sequence[Answer]) -> None:
    parameters: dict[str, str] = {}
    statements: list[str] = []
    stored = [i for i, answer in enumerate(answers) if isinstance(answer, Stored)]
    if stored:
        statements.append(_INSERT_LEADS)
        parameters |= _lead_columns([repeats.leads[i] for i in stored], [repeats.ids[i] for i in stored])
    duplicates = [(repeats.leads[i], answer) for i, answer in enumerate(answers) if isinstance(answer, Duplicate)]
    if duplicates:
        statements.append(_INSERT_DUPLICATES)
        parameters |= _duplicate_columns(duplicates)
    reassigned = repeats.reassigned_keys()
    if reassigned:
        statements.append(_REASSIGN_KEYS)
        parameters |= _reassigned_columns(reassigned)
    rows(connection, ";".join([*statements, "COMMIT"]), parameters)


def _lead_columns(leads: Sequence[NewLead], ids: Iterable[int | None]) -> dict[str, str]:
    return {
        "lead_ids": arrays.number_array(ids),
        "routes": arrays.text_array(lead.route for lead in leads),
        "correlation_ids": arrays.uuid_array(lead.correlation_id for lead in leads),
        "config_hashes": arrays.text_array(lead.config_hash for lead in leads),
        "dedup_keys": arrays.hex_array(lead.dedup_key for lead in leads),
        "headers": arrays.verbatim_json_array(lead.headers for lead in leads),
        "bodies": arrays.hex_array(lead.body for lead in leads),
    }


def _duplicate_columns(duplicates: Sequence[tuple[NewLead, Duplicate]]) -> dict[str, str]:
    return {
        "first_ids": arrays.number_array(first.lead_id for _, first in duplicates),
        "repeat_correlation_ids": arrays.uuid_array(lead.correlation_id for lead, _ in duplicates),
        "repeat_headers": arrays.verbatim_json_array(lead.headers for lead, _ in duplicates),
        "repeat_bodies": arrays.hex_array(lead.body for lead, _ in duplicates),
    }


def _reassigned_columns(reassigned: Sequence[Reassigned]) -> dict[str, str]:
    return {
        "key_routes": arrays.text_array(key.route for key in reassigned),
        "key_digests": arrays.hex_array(key.digest for key in reassigned),
        "key_lead_ids": arrays.number_array(key.first.lead_id for key in reassigned),
        "key_correlation_ids": arrays.uuid_array(key.first.correlation_id for key in reassigned),
    }


_INSERT_LEADS = """
WITH lead AS MATERIALIZED (
    SELECT n, coalesce(lead_id, nextval('lead_id_seq')) AS lead_id, route, correlation_id, config_hash,
           decode(dedup_key, 'hex') AS dedup_key, headers::json AS headers, decode(body, 'hex') AS body
    FROM unnest(
        %(lead_ids)s::bigint[], %(routes)s::text[], %(correlation_ids)s::uuid[], %(config_hashes)s::text[],
        %(dedup_keys)s::text[], %(headers)s::text[], %(bodies)s::text[]
    ) WITH ORDINALITY AS l (lead_id, route, correlation_id, config_hash, dedup_key, headers, body, n)
), arrived AS (
    INSERT INTO inbound_lead (lead_id, received_at, correlation_id, route, config_hash, dedup_key, headers, body)
    SELECT lead_id, now(), correlation_id, route, config_hash, dedup_key, headers, body FROM lead
), waiting AS (
    INSERT INTO lead_state (lead_id, route, due_at, updated_at) SELECT lead_id, route, now(), now() FROM lead
), step AS (
    INSERT INTO status_transition (lead_id, seq, at, to_status, actor, config_hash)
    SELECT lead_id, 1, now(), 'RECEIVED', 'webhook', config_hash FROM lead
)
SELECT lead_id FROM lead ORDER BY n
"""
_STORE_LEADS = Lookup("store_leads", _INSERT_LEADS)

# Of a lead whose contents were removed nothing new is kept, and nothing at all of one whose record was. One that has
# ended is locked against that until we commit; one that waits can't be emptied, and a claim would pass it over.
_INSERT_DUPLICATES = """
WITH repeat AS MATERIALIZED (
    SELECT lead_id, correlation_id, headers::json AS headers, decode(body, 'hex') AS body, n
    FROM unnest(
        %(first_ids)s::bigint[], %(repeat_correlation_ids)s::uuid[], %(repeat_headers)s::text[],
        %(repeat_bodies)s::text[]
    ) WITH ORDINALITY AS d (lead_id, correlation_id, headers, body, n)
), ended AS MATERIALIZED (
    SELECT lead_id, contents_removed_at FROM lead_state
    WHERE lead_id = ANY (%(first_ids)s::bigint[]) AND due_at IS NULL ORDER BY lead_id FOR KEY SHARE
), first AS MATERIALIZED (
    SELECT lead_id, coalesce(ended.contents_removed_at, s.contents_removed_at) IS NOT NULL AS is_empty
    FROM lead_state AS s LEFT JOIN ended USING (lead_id) WHERE lead_id = ANY (%(first_ids)s::bigint[])
)
INSERT INTO duplicate_lead (lead_id, received_at, correlation_id, headers, body)
SELECT lead_id, now(), correlation_id, CASE WHEN is_empty THEN '{}' ELSE headers END,
       CASE WHEN is_empty THEN '' ELSE body END
FROM repeat JOIN first USING (lead_id) ORDER BY n
"""

_REASSIGN_KEYS = """
UPDATE lead_key k SET lead_id = r.lead_id, correlation_id = r.correlation_id
FROM unnest(
    %(key_routes)s::text[], %(key_digests)s::text[], %(key_lead_ids)s::bigint[], %(key_correlation_ids)s::uuid[]
) AS r (route, digest, lead_id, correlation_id)
WHERE k.route = r.route COLLATE "C" AND k.kind = 'I' AND k.digest = decode(r.digest, 'hex')
"""
