"""What leads are found by is indexed in the order in which they come.

Terms are digests, so an index of them is written all over: once it is larger than PostgreSQL's memory, each lead reads
and writes some random pages. In the index of keys that takes its place, the terms of 131,072 leads in a row stand
together: what is written lies close, whatever the number of leads.

Online: the new index is built concurrently beside the old one. A console of the version before finds leads by their
contents more slowly after that, until it is replaced.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

from alembic import op

from leadgateway.store.migrations.online import build_index, drop_index

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# PL/pgSQL, since a loop over an array takes a third of the time that a query over it takes.
_FUNCTION = """
CREATE OR REPLACE FUNCTION search_keys(lead_id bigint, terms bigint[]) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    stretch CONSTANT bigint := (lead_id >> 17) << 43;
BEGIN
    FOR n IN 1 .. cardinality(terms) LOOP
        terms[n] := stretch | (terms[n] & 8796093022207);
    END LOOP;
    RETURN terms;
END $$;
COMMENT ON FUNCTION search_keys(bigint, bigint[]) IS
    'The terms of a lead as they are indexed: 43 bits of each, after the number of its stretch of 131,072 leads.'
"""


def upgrade() -> None:
    op.execute(_FUNCTION)
    build_index("lead_search_keys", "lead_search USING gin (search_keys(lead_id, terms))")
    drop_index("lead_search_terms")
