"""Erasure: a person's data is removed on request, and that it was is kept.

Revision ID: 0005
Revises: 0004

Online: a new table and a new function. The function runs as the owner of the tables, so that the runtime role can
erase, but never without a row of `erasure` that says who did it and of how many leads.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLE = """
CREATE TABLE erasure (
    erasure_id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    finished_at timestamptz,
    leads_found integer NOT NULL,
    leads_erased integer NOT NULL DEFAULT 0,
    traces_left integer,
    actor text NOT NULL,
    sought text NOT NULL,
    reference text,
    CONSTRAINT erasure_pkey PRIMARY KEY (erasure_id),
    CONSTRAINT erasure_sought CHECK (sought IN ('email', 'phone', 'id'))
);
COMMENT ON TABLE erasure IS 'That somebody''s data was erased: who did it, when, of how many leads; not whose.';
COMMENT ON COLUMN erasure.finished_at IS 'null: it was interrupted';
COMMENT ON COLUMN erasure.traces_left IS 'rows in which the value was still found afterwards';
COMMENT ON COLUMN erasure.actor IS 'person:<name>';
COMMENT ON COLUMN erasure.sought IS 'by what the person was sought: email, phone or id; never the value';
COMMENT ON COLUMN erasure.reference IS 'of the request, such as the number of a ticket';

CREATE TRIGGER erasure_kept BEFORE DELETE ON erasure FOR EACH ROW
WHEN (current_setting('leadgateway.retention', true) IS DISTINCT FROM 'on')
EXECUTE FUNCTION refuse_change();
"""

# Of a transition's detail stays what the gateway wrote itself; what a person or a rule said may quote the lead.
_FUNCTION = """
CREATE FUNCTION erase_leads(for_erasure bigint, ids bigint[]) RETURNS bigint[] SECURITY DEFINER LANGUAGE plpgsql AS $$
DECLARE
    ended bigint[];
BEGIN
    UPDATE erasure SET leads_erased = leads_erased WHERE erasure_id = for_erasure AND finished_at IS NULL;
    IF NOT FOUND OR cardinality(ids) > 5000 THEN
        RAISE EXCEPTION 'leads are erased for an erasure that is recorded and not finished, 5000 at the most at once'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'erasure_bounds';
    END IF;
    ended := ARRAY(
        SELECT lead_id FROM lead_state WHERE lead_id = ANY (ids) AND due_at IS NULL ORDER BY lead_id FOR UPDATE
    );
    DELETE FROM lead_key WHERE lead_id = ANY (ended);
    PERFORM empty_leads(ended, 'erasure');
    PERFORM set_config('leadgateway.retention', 'on', true);
    UPDATE inbound_lead SET dedup_key = NULL WHERE lead_id = ANY (ended);
    UPDATE delivery_round SET omitted = NULL WHERE lead_id = ANY (ended);
    UPDATE delivery_attempt SET error = NULL WHERE lead_id = ANY (ended);
    UPDATE status_transition SET detail = (
        SELECT jsonb_object_agg(key, value) FROM jsonb_each(detail)
        WHERE key IN ('due_at', 'from_route', 'to_route', 'leases_expired', 'response_status')
    ) WHERE lead_id = ANY (ended) AND detail IS NOT NULL;
    PERFORM set_config('leadgateway.retention', 'off', true);
    UPDATE erasure SET leads_erased = leads_erased + cardinality(ended) WHERE erasure_id = for_erasure;
    RETURN ended;
END $$;
REVOKE ALL ON FUNCTION erase_leads(bigint, bigint[]) FROM PUBLIC;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION erase_leads(bigint, bigint[]) SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    op.execute(_TABLE)
    op.execute(_FUNCTION)
