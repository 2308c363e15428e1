"""When leads came to their end, and the removal of their contents and records after that.

Revision ID: 0002
Revises: 0001

Online: the columns are empty at first, and the indexes are built concurrently. Leads that ended before get their
`ended_at` from the workers' housekeeping, and so do those that a worker of the version before ends meanwhile.

The functions run as the owner of the tables, so that the runtime role can remove what retention may remove, and
nothing else: it can't say which leads, none that waits or ended less than an hour ago is ever among them, and at the
most 5,000 are at once.
"""

from __future__ import annotations

from alembic import op

from leadgateway.store.migrations.online import build_index

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COLUMNS = """
ALTER TABLE lead_state
    ADD COLUMN IF NOT EXISTS ended_at timestamptz,
    ADD COLUMN IF NOT EXISTS contents_removed_at timestamptz,
    ADD COLUMN IF NOT EXISTS contents_removed_by text;
COMMENT ON COLUMN lead_state.ended_at IS 'when it came to its end; null while it waits';
COMMENT ON COLUMN lead_state.contents_removed_at IS 'when body, headers, payloads and answers were removed';
COMMENT ON COLUMN lead_state.contents_removed_by IS 'retention, or erasure';
"""

# No column of these is touched by a claim or by marking ready, so both stay HOT updates.
_INDEXES = {
    "lead_state_contents": "(route, ended_at) WHERE ended_at IS NOT NULL AND contents_removed_at IS NULL",
    "lead_state_records": "(route, ended_at) WHERE ended_at IS NOT NULL AND contents_removed_at IS NOT NULL",
    "lead_state_unmarked": "(lead_id) WHERE due_at IS NULL AND ended_at IS NULL",
}

_FUNCTIONS = r"""
CREATE OR REPLACE FUNCTION empty_leads(ids bigint[], cause text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('leadgateway.retention', 'on', true);
    UPDATE lead_state SET contents_removed_at = now(), contents_removed_by = cause WHERE lead_id = ANY (ids);
    UPDATE inbound_lead SET body = '', headers = '{}' WHERE lead_id = ANY (ids);
    UPDATE duplicate_lead SET body = '', headers = '{}' WHERE lead_id = ANY (ids);
    UPDATE delivery_round SET payload = '' WHERE lead_id = ANY (ids);
    UPDATE delivery_attempt SET response_body = NULL, response_headers = NULL WHERE lead_id = ANY (ids);
    PERFORM set_config('leadgateway.retention', 'off', true);
END $$;

CREATE OR REPLACE FUNCTION delete_leads(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('leadgateway.retention', 'on', true);
    DELETE FROM lead_key AS k USING inbound_lead AS l
    WHERE l.lead_id = ANY (ids) AND k.route = l.route AND k.kind = 'D' AND k.digest = l.dedup_key
      AND k.lead_id = l.lead_id;
    DELETE FROM duplicate_lead WHERE lead_id = ANY (ids);
    DELETE FROM delivery_attempt WHERE lead_id = ANY (ids);
    DELETE FROM delivery_round WHERE lead_id = ANY (ids);
    DELETE FROM status_transition WHERE lead_id = ANY (ids);
    DELETE FROM inbound_lead WHERE lead_id = ANY (ids);
    DELETE FROM lead_state WHERE lead_id = ANY (ids);
    PERFORM set_config('leadgateway.retention', 'off', true);
END $$;

CREATE OR REPLACE FUNCTION check_retention(older_than interval, at_most integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (older_than >= interval '1 hour' AND at_most BETWEEN 1 AND 5000) IS NOT TRUE THEN
        RAISE EXCEPTION 'leads are kept for an hour at the least, and at the most 5000 are removed at once'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'retention_bounds';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION remove_contents(of_route varchar, older_than interval, at_most integer) RETURNS integer
SECURITY DEFINER LANGUAGE plpgsql AS $$
DECLARE
    due bigint[];
BEGIN
    PERFORM check_retention(older_than, at_most);
    IF NOT pg_try_advisory_xact_lock({lock}) THEN
        RETURN NULL;
    END IF;
    due := ARRAY(
        SELECT lead_id FROM lead_state
        WHERE route = of_route COLLATE "C" AND ended_at <= now() - older_than AND contents_removed_at IS NULL
          AND due_at IS NULL AND updated_at <= now() - older_than
        ORDER BY ended_at LIMIT at_most FOR UPDATE SKIP LOCKED
    );
    PERFORM empty_leads(due, 'retention');
    RETURN cardinality(due);
END $$;

CREATE OR REPLACE FUNCTION remove_records(of_route varchar, older_than interval, at_most integer) RETURNS integer
SECURITY DEFINER LANGUAGE plpgsql AS $$
DECLARE
    due bigint[];
BEGIN
    PERFORM check_retention(older_than, at_most);
    IF NOT pg_try_advisory_xact_lock({lock}) THEN
        RETURN NULL;
    END IF;
    due := ARRAY(
        SELECT lead_id FROM lead_state
        WHERE route = of_route COLLATE "C" AND ended_at <= now() - older_than AND contents_removed_at IS NOT NULL
          AND due_at IS NULL AND updated_at <= now() - older_than
        ORDER BY ended_at LIMIT at_most FOR UPDATE SKIP LOCKED
    );
    PERFORM delete_leads(due);
    RETURN cardinality(due);
END $$;
"""

_LOCK = int.from_bytes(b"leadkeep", "big")
"""Of `pg_advisory_xact_lock`: held by the one worker that removes."""

_PRIVATE = ("empty_leads(bigint[], text)", "delete_leads(bigint[])", "check_retention(interval, integer)")
_DEFINERS = ("remove_contents(varchar, interval, integer)", "remove_records(varchar, interval, integer)")

# What runs as the owner must find the owner's tables, whatever the caller's search path holds.
_FIX_SEARCH_PATH = """
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION {function} SET search_path = %I, pg_temp', current_schema());
END $$
"""

_OVERVIEW = """
CREATE OR REPLACE VIEW lead_overview AS
SELECT s.lead_id, s.status, s.reject_code, s.route, nullif(l.route, s.route) AS arrived_at_route,
       l.received_at, s.updated_at, s.due_at, s.leased_until, s.lease_holder, s.round, s.failures, s.attempts,
       a.kind AS last_attempt, a.response_status AS last_response_status, a.error AS last_error, l.correlation_id,
       s.contents_removed_at, s.contents_removed_by
FROM lead_state s
JOIN inbound_lead l USING (lead_id)
LEFT JOIN delivery_attempt a ON a.lead_id = s.lead_id AND a.number = s.attempts
"""


def upgrade() -> None:
    op.execute(_COLUMNS)
    op.execute(_FUNCTIONS.replace("{lock}", str(_LOCK)))
    for function in _DEFINERS:
        op.execute(_FIX_SEARCH_PATH.format(function=function))
    for function in (*_PRIVATE, *_DEFINERS):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
    op.execute(_OVERVIEW)
    for name, definition in _INDEXES.items():
        build_index(name, f"lead_state {definition}")
