"""What leads are searched by.

Revision ID: 0004
Revises: 0003

Online: two indexes are built concurrently, the tables begin empty, and the workers fill them, older leads last.
"""

from __future__ import annotations

from alembic import op

from leadgateway.store.migrations.online import build_index

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Neither holds a column that a claim or `mark_ready` changes, in its predicate neither: those updates stay HOT.
_INDEXES = {
    "lead_state_rejected": "lead_state (lead_id, reject_code) WHERE reject_code IS NOT NULL",
    "status_transition_given_up": "status_transition (lead_id) WHERE to_status = 'PERMANENTLY_FAILED'",
}

_TABLES = """
CREATE TABLE lead_search (
    lead_id bigint NOT NULL,
    received_at timestamptz NOT NULL,
    route varchar COLLATE "C" NOT NULL,
    terms bigint[],
    CONSTRAINT lead_search_pkey PRIMARY KEY (lead_id)
);
CREATE INDEX lead_search_route ON lead_search (route, lead_id);
CREATE INDEX lead_search_received_at ON lead_search (received_at);
CREATE INDEX lead_search_terms ON lead_search USING gin (terms);

CREATE TABLE search_progress (
    read_up_to bigint NOT NULL,
    settled_up_to bigint NOT NULL,
    backfilled_down_to bigint NOT NULL
);
-- Leads that are being stored right now have numbers near the highest: those are looked at once more.
INSERT INTO search_progress
SELECT highest, greatest(highest - 10000, 0), greatest(highest - 10000, 0)
FROM (SELECT coalesce(max(lead_id), 0) AS highest FROM inbound_lead) AS l;
"""

_COMMENTS = {
    "TABLE lead_search": "What a lead is found by; made from it by the workers, soon after it was stored.",
    "COLUMN lead_search.route": "as in lead_state",
    "COLUMN lead_search.terms": "digests of path=value, see pipeline/search_terms.py; null until they are made",
    "TABLE search_progress": "How far lead_search has come. One row.",
    "COLUMN search_progress.read_up_to": "the lead up to which new ones were taken on",
    "COLUMN search_progress.settled_up_to": "the lead up to which none was missed, down to where it was begun",
    "COLUMN search_progress.backfilled_down_to": "the lead down to which older ones were taken on",
}


# As in 0002, and what a lead is found by goes with its contents. The lock is that of `search_index.FORGETTING`: who has
# read a lead that is being emptied must not write what it is found by afterwards.
_FUNCTIONS = r"""
CREATE OR REPLACE FUNCTION empty_leads(ids bigint[], cause text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock({lock});
    PERFORM set_config('leadgateway.retention', 'on', true);
    UPDATE lead_state SET contents_removed_at = now(), contents_removed_by = cause WHERE lead_id = ANY (ids);
    UPDATE inbound_lead SET body = '', headers = '{}' WHERE lead_id = ANY (ids);
    UPDATE duplicate_lead SET body = '', headers = '{}' WHERE lead_id = ANY (ids);
    UPDATE delivery_round SET payload = '' WHERE lead_id = ANY (ids);
    UPDATE delivery_attempt SET response_body = NULL, response_headers = NULL WHERE lead_id = ANY (ids);
    UPDATE lead_search SET terms = '{}' WHERE lead_id = ANY (ids);
    PERFORM set_config('leadgateway.retention', 'off', true);
END $$;

CREATE OR REPLACE FUNCTION delete_leads(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock({lock});
    PERFORM set_config('leadgateway.retention', 'on', true);
    DELETE FROM lead_key AS k USING inbound_lead AS l
    WHERE l.lead_id = ANY (ids) AND k.route = l.route AND k.kind = 'D' AND k.digest = l.dedup_key
      AND k.lead_id = l.lead_id;
    DELETE FROM duplicate_lead WHERE lead_id = ANY (ids);
    DELETE FROM delivery_attempt WHERE lead_id = ANY (ids);
    DELETE FROM delivery_round WHERE lead_id = ANY (ids);
    DELETE FROM status_transition WHERE lead_id = ANY (ids);
    DELETE FROM inbound_lead WHERE lead_id = ANY (ids);
    DELETE FROM lead_search WHERE lead_id = ANY (ids);
    DELETE FROM lead_state WHERE lead_id = ANY (ids);
    PERFORM set_config('leadgateway.retention', 'off', true);
END $$;
"""

_LOCK = int.from_bytes(b"leadfind", "big")


def upgrade() -> None:
    for name, definition in _INDEXES.items():
        build_index(name, definition)
    op.execute(_TABLES)
    for subject, sentence in _COMMENTS.items():
        op.execute(f"COMMENT ON {subject} IS '{sentence}'")
    op.execute(_FUNCTIONS.replace("{lock}", str(_LOCK)))
