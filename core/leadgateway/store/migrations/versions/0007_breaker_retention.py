"""Openings of circuit breakers that ended long ago can be removed.

Online: the function is new, and the index is built concurrently. The function runs as the owner of the tables, so that
the runtime role can remove what retention may remove and nothing else: none that is open, or ended less than a day ago.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_FUNCTION = """
CREATE OR REPLACE FUNCTION remove_openings(older_than interval, at_most integer) RETURNS integer
SECURITY DEFINER LANGUAGE plpgsql AS $$
DECLARE
    removed integer;
BEGIN
    IF (older_than >= interval '1 day' AND at_most BETWEEN 1 AND 5000) IS NOT TRUE THEN
        RAISE EXCEPTION 'openings are kept for a day at the least, and at the most 5000 are removed at once'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'retention_bounds';
    END IF;
    DELETE FROM breaker_opening WHERE opening_id = ANY (ARRAY(
        SELECT opening_id FROM breaker_opening WHERE closed_at <= now() - older_than
        ORDER BY closed_at LIMIT at_most FOR UPDATE SKIP LOCKED
    ));
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END $$;
REVOKE ALL ON FUNCTION remove_openings(interval, integer) FROM PUBLIC;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION remove_openings(interval, integer) SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    op.execute(_FUNCTION)
    with op.get_context().autocommit_block():
        # One that was begun and not finished is of no use to anybody
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS breaker_opening_ended")
        op.execute(
            "CREATE INDEX CONCURRENTLY breaker_opening_ended ON breaker_opening (closed_at) WHERE closed_at IS NOT NULL"
        )
