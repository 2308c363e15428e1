"""Acts on many leads at once, and looks at personal data.

Both tables are new and empty, so nothing waits for this.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE bulk_action (
    action_id bigint GENERATED ALWAYS AS IDENTITY,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    total integer NOT NULL,
    processed integer NOT NULL DEFAULT 0,
    done integer NOT NULL DEFAULT 0,
    refused integer NOT NULL DEFAULT 0,
    route varchar COLLATE "C",
    kind text NOT NULL,
    state text NOT NULL,
    actor text NOT NULL,
    cancelled_by text,
    reason text,
    code text,
    lead_ids bigint[] NOT NULL,
    CONSTRAINT bulk_action_pkey PRIMARY KEY (action_id),
    CONSTRAINT bulk_action_kind CHECK (kind IN ('replay', 'reject', 'move')),
    CONSTRAINT bulk_action_state CHECK (state IN ('running', 'done', 'cancelled')),
    CONSTRAINT bulk_action_finished CHECK ((finished_at IS NULL) = (state = 'running')),
    CONSTRAINT bulk_action_counts CHECK (processed = done + refused AND processed <= total)
);
CREATE INDEX bulk_action_running ON bulk_action (action_id) WHERE state = 'running';

CREATE TABLE personal_data_look (
    look_id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    lead_id bigint,
    leads integer NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    CONSTRAINT personal_data_look_pkey PRIMARY KEY (look_id),
    CONSTRAINT personal_data_look_kind CHECK (kind IN ('contents', 'search', 'export'))
);
CREATE TRIGGER personal_data_look_insert_only BEFORE UPDATE OR DELETE ON personal_data_look FOR EACH ROW
WHEN (current_setting('leadgateway.retention', true) IS DISTINCT FROM 'on')
EXECUTE FUNCTION refuse_change();
"""

_COMMENTS = {
    "TABLE bulk_action": "What people do to many leads at once, and how far it is.",
    "COLUMN bulk_action.processed": "of lead_ids, from the first on",
    "COLUMN bulk_action.refused": "had changed since they were meant",
    "COLUMN bulk_action.actor": "person:<name>",
    "COLUMN bulk_action.lead_ids": "the leads that are meant, decided when it was begun",
    "TABLE personal_data_look": "That somebody looked at personal data: who, when, at how many leads. Inserted only.",
    "COLUMN personal_data_look.lead_id": "if it was one",
    "COLUMN personal_data_look.kind": "contents, search or export",
    "COLUMN personal_data_look.actor": "person:<name>",
}


def upgrade() -> None:
    op.execute(_TABLES)
    for subject, sentence in _COMMENTS.items():
        op.execute(f"COMMENT ON {subject} IS '{sentence}'")
