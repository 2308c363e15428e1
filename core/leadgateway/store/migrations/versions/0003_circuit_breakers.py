"""Circuit breakers of the routes: what opens them, and when each was open.

Both tables are new and empty, so nothing waits for this.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE breaker_opening (
    opening_id bigint GENERATED ALWAYS AS IDENTITY,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    probe_at timestamptz NOT NULL,
    probe_lead_id bigint,
    probe_token bigint,
    probes integer NOT NULL DEFAULT 0,
    attempts integer NOT NULL,
    failures integer NOT NULL,
    leads integer NOT NULL,
    route varchar COLLATE "C" NOT NULL,
    opened_by text NOT NULL,
    closed_by text,
    CONSTRAINT breaker_opening_pkey PRIMARY KEY (opening_id),
    CONSTRAINT breaker_opening_closed CHECK ((closed_at IS NULL) = (closed_by IS NULL) AND closed_at >= opened_at),
    CONSTRAINT breaker_opening_probe CHECK ((probe_lead_id IS NULL) = (probe_token IS NULL))
);
CREATE UNIQUE INDEX breaker_opening_open ON breaker_opening (route) WHERE closed_at IS NULL;
CREATE INDEX breaker_opening_route ON breaker_opening (route, opened_at);

CREATE TABLE breaker_tally (
    at timestamptz NOT NULL,
    attempts integer NOT NULL,
    failures integer NOT NULL,
    worker text NOT NULL,
    route varchar COLLATE "C" NOT NULL,
    leads bigint[] NOT NULL,
    CONSTRAINT breaker_tally_pkey PRIMARY KEY (at, worker, route)
);
"""

_COMMENTS = {
    "TABLE breaker_opening": "When a route's circuit breaker was open, and why: meanwhile only probes are delivered.",
    "COLUMN breaker_opening.closed_at": "null: it is open",
    "COLUMN breaker_opening.probe_at": "while it is open: not before this is the next lead tried",
    "COLUMN breaker_opening.probe_lead_id": "the lead of the last probe",
    "COLUMN breaker_opening.probe_token": "the lease of the last probe; while it runs there is no other",
    "COLUMN breaker_opening.attempts": "within the minute before it opened",
    "COLUMN breaker_opening.failures": "of those attempts",
    "COLUMN breaker_opening.leads": "different leads of those attempts",
    "TABLE breaker_tally": "Attempts of the last minute on routes with failures, by the worker that counted them.",
    "COLUMN breaker_tally.leads": "up to ten of the leads that were attempted",
}


def upgrade() -> None:
    op.execute(_TABLES)
    for subject, sentence in _COMMENTS.items():
        op.execute(f"COMMENT ON {subject} IS '{sentence.replace(chr(39), chr(39) * 2)}'")
