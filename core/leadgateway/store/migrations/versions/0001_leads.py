"""Leads, their states, their audit.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TYPE lead_status AS ENUM ('RECEIVED', 'REJECTED', 'READY', 'DELIVERED', 'FAILED', 'PERMANENTLY_FAILED');

CREATE SEQUENCE lead_id_seq AS bigint;

CREATE TABLE inbound_lead (
    lead_id bigint NOT NULL,
    received_at timestamptz NOT NULL,
    correlation_id uuid NOT NULL,
    route varchar COLLATE "C" NOT NULL,
    config_hash text NOT NULL,
    dedup_key bytea,
    headers json NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT inbound_lead_pkey PRIMARY KEY (lead_id)
);
CREATE INDEX inbound_lead_correlation_id ON inbound_lead (correlation_id);

CREATE TABLE lead_state (
    lead_id bigint NOT NULL,
    lease_token bigint NOT NULL DEFAULT 0,
    due_at timestamptz,
    leased_at timestamptz,
    leased_until timestamptz,
    updated_at timestamptz NOT NULL,
    status lead_status NOT NULL DEFAULT 'RECEIVED',
    round integer NOT NULL DEFAULT 1,
    transitions integer NOT NULL DEFAULT 1,
    attempts integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    expired smallint NOT NULL DEFAULT 0,
    route varchar COLLATE "C" NOT NULL,
    lease_holder text,
    reject_code text,
    CONSTRAINT lead_state_pkey PRIMARY KEY (lead_id),
    CONSTRAINT lead_state_due_or_final
        CHECK ((due_at IS NULL) = (status IN ('DELIVERED', 'REJECTED', 'PERMANENTLY_FAILED'))),
    CONSTRAINT lead_state_lease CHECK (
        CASE WHEN leased_until IS NULL THEN leased_at IS NULL AND lease_holder IS NULL
             ELSE leased_at IS NOT NULL AND lease_holder IS NOT NULL AND due_at IS NOT NULL END
    ),
    CONSTRAINT lead_state_reject_code CHECK ((reject_code IS NOT NULL) = (status = 'REJECTED'))
) WITH (
    fillfactor = 50,
    -- Claims step over the index entries of finished leads until vacuum removes them (about 40 ns each): so often, and
    -- from the indexes too, which vacuum skips by itself where few pages of a large table changed.
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0,
    vacuum_index_cleanup = on
);
CREATE INDEX lead_state_waiting ON lead_state (route, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE status_transition (
    lead_id bigint NOT NULL,
    at timestamptz NOT NULL,
    seq integer NOT NULL,
    from_status lead_status,
    to_status lead_status NOT NULL,
    actor text NOT NULL,
    config_hash text,
    code text,
    detail jsonb,
    CONSTRAINT status_transition_pkey PRIMARY KEY (lead_id, seq),
    CONSTRAINT status_transition_first CHECK ((seq = 1) = (from_status IS NULL)),
    CONSTRAINT status_transition_legal CHECK (
        CASE from_status
            WHEN 'RECEIVED' THEN to_status IN ('READY', 'REJECTED', 'PERMANENTLY_FAILED')
            WHEN 'READY' THEN to_status IN ('DELIVERED', 'FAILED', 'PERMANENTLY_FAILED', 'REJECTED')
            WHEN 'FAILED' THEN to_status IN ('READY', 'PERMANENTLY_FAILED', 'REJECTED')
            WHEN 'PERMANENTLY_FAILED' THEN to_status = 'RECEIVED'
            WHEN 'REJECTED' THEN to_status = 'RECEIVED'
            WHEN 'DELIVERED' THEN false
            ELSE to_status = 'RECEIVED'  -- the first
        END
        OR (from_status <> 'DELIVERED' AND to_status = 'RECEIVED' AND code IS NOT DISTINCT FROM 'MOVED')
    )
);

CREATE TABLE delivery_round (
    lead_id bigint NOT NULL,
    created_at timestamptz NOT NULL,
    idempotency_key uuid NOT NULL,
    round integer NOT NULL,
    config_hash text NOT NULL,
    omitted jsonb,
    payload bytea NOT NULL,
    CONSTRAINT delivery_round_pkey PRIMARY KEY (lead_id, round)
);

CREATE TABLE delivery_attempt (
    lead_id bigint NOT NULL,
    started_at timestamptz NOT NULL,
    lease_token bigint NOT NULL,
    number integer NOT NULL,
    round integer NOT NULL,
    duration_ms integer NOT NULL,
    response_status smallint,
    kind text NOT NULL,
    worker text NOT NULL,
    config_hash text,
    error text,
    response_headers json,
    response_body bytea,
    CONSTRAINT delivery_attempt_pkey PRIMARY KEY (lead_id, number),
    CONSTRAINT delivery_attempt_excerpt CHECK (octet_length(response_body) <= 4096)
);

CREATE TABLE lead_key (
    lead_id bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    correlation_id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    route varchar COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    body_digest bytea,
    CONSTRAINT lead_key_pkey PRIMARY KEY (route, kind, digest),
    CONSTRAINT lead_key_kind CHECK (kind IN ('D', 'I'))
);
CREATE INDEX lead_key_expires_at ON lead_key (expires_at);

CREATE TABLE duplicate_lead (
    duplicate_id bigint GENERATED ALWAYS AS IDENTITY,
    lead_id bigint NOT NULL,
    received_at timestamptz NOT NULL,
    correlation_id uuid NOT NULL,
    headers json NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT duplicate_lead_pkey PRIMARY KEY (duplicate_id)
);
CREATE INDEX duplicate_lead_lead_id ON duplicate_lead (lead_id);
"""

_GUARDS = """
CREATE FUNCTION refuse_status_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'lead % can not go from % to %', NEW.lead_id, OLD.status, NEW.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'lead_state_legal_step';
END $$;

-- AFTER, not BEFORE: a BEFORE trigger makes every update lock its row by itself first.
CREATE TRIGGER lead_state_legal_step AFTER UPDATE OF status ON lead_state FOR EACH ROW
WHEN (
    OLD.status <> NEW.status
    AND NOT CASE OLD.status
        WHEN 'RECEIVED' THEN NEW.status IN ('READY', 'REJECTED', 'PERMANENTLY_FAILED')
        WHEN 'READY' THEN NEW.status IN ('DELIVERED', 'FAILED', 'PERMANENTLY_FAILED', 'REJECTED')
        WHEN 'FAILED' THEN NEW.status IN ('READY', 'PERMANENTLY_FAILED', 'REJECTED')
        WHEN 'PERMANENTLY_FAILED' THEN NEW.status = 'RECEIVED'
        WHEN 'REJECTED' THEN NEW.status = 'RECEIVED'
        ELSE false
    END
    AND NOT (OLD.status <> 'DELIVERED' AND NEW.status = 'RECEIVED' AND NEW.route <> OLD.route)
)
EXECUTE FUNCTION refuse_status_change();

CREATE FUNCTION refuse_first_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'lead % can not begin as %', NEW.lead_id, NEW.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'lead_state_first_step';
END $$;

CREATE TRIGGER lead_state_first_step AFTER INSERT ON lead_state FOR EACH ROW
WHEN (NEW.status <> 'RECEIVED') EXECUTE FUNCTION refuse_first_status();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are inserted, never changed', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
END $$;
"""

_INSERT_ONLY = (
    "inbound_lead",
    "status_transition",
    "delivery_round",
    "delivery_attempt",
    "duplicate_lead",
)

_INSERT_ONLY_GUARD = """
CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW
WHEN (current_setting('leadgateway.retention', true) IS DISTINCT FROM 'on')
EXECUTE FUNCTION refuse_change();
"""

_COMMENTS = {
    "TABLE inbound_lead": "What arrived. Inserted only.",
    "COLUMN inbound_lead.correlation_id": "given by the source or made here; need not be unique",
    "COLUMN inbound_lead.route": "namespace/name of the LeadRoute that accepted it",
    "COLUMN inbound_lead.dedup_key": "digest of the normalised values that make it a duplicate",
    "COLUMN inbound_lead.headers": "without authentication; json, since jsonb can't hold NUL",
    "COLUMN inbound_lead.body": "byte for byte as posted; empty once erased",
    "TABLE lead_state": "Where each lead stands.",
    "COLUMN lead_state.lease_token": "fencing: +1 with each lease",
    "COLUMN lead_state.due_at": "when a worker may look at it; null at an end",
    "COLUMN lead_state.leased_until": "null: not leased",
    "COLUMN lead_state.updated_at": "of the last transition",
    "COLUMN lead_state.round": "delivery round; a replay begins the next",
    "COLUMN lead_state.transitions": "highest seq in status_transition",
    "COLUMN lead_state.attempts": "highest number in delivery_attempt",
    "COLUMN lead_state.failures": "failed attempts of this round",
    "COLUMN lead_state.expired": "leases that ran out in a row",
    "COLUMN lead_state.route": "whose customer gets it; differs from where it arrived if moved",
    "TABLE status_transition": "Every change of state. Inserted only.",
    "COLUMN status_transition.from_status": "null for the first",
    "COLUMN status_transition.actor": "webhook, worker:<id> or person:<name>",
    "COLUMN status_transition.config_hash": "version of the route that decided; null if none did",
    "TABLE delivery_round": "What is sent, stored before it is. Inserted only.",
    "COLUMN delivery_round.config_hash": "version of the route that mapped",
    "COLUMN delivery_round.omitted": "optional targets left out, and why",
    "COLUMN delivery_round.payload": "what is sent, by each attempt alike; empty once erased",
    "TABLE delivery_attempt": "Every attempt to deliver, answered or not. Inserted only.",
    "COLUMN delivery_attempt.kind": "delivered, status, timeout, connect, …, lease_expired",
    "COLUMN delivery_attempt.config_hash": "version of the route that sent; null for lease_expired",
    "COLUMN delivery_attempt.response_body": "the first 4 KiB",
    "TABLE lead_key": "Which lead holds a deduplication key or an Idempotency-Key, and until when.",
    "COLUMN lead_key.kind": "D: deduplication, I: Idempotency-Key",
    "COLUMN lead_key.body_digest": "SHA-256 of the body an Idempotency-Key came with",
    "TABLE duplicate_lead": "What arrived again and was answered with the first lead's ids. Inserted only.",
    "COLUMN duplicate_lead.lead_id": "the first of them, which was answered",
}

_OVERVIEW = """
CREATE VIEW lead_overview AS
SELECT s.lead_id, s.status, s.reject_code, s.route, nullif(l.route, s.route) AS arrived_at_route,
       l.received_at, s.updated_at, s.due_at, s.leased_until, s.lease_holder, s.round, s.failures, s.attempts,
       a.kind AS last_attempt, a.response_status AS last_response_status, a.error AS last_error, l.correlation_id
FROM lead_state s
JOIN inbound_lead l USING (lead_id)
LEFT JOIN delivery_attempt a ON a.lead_id = s.lead_id AND a.number = s.attempts;

COMMENT ON VIEW lead_overview IS
    'For people at psql: where each lead stands, without its contents. SELECT * FROM lead_overview WHERE lead_id = 1';
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(_GUARDS)
    for table in _INSERT_ONLY:
        op.execute(_INSERT_ONLY_GUARD.format(table=table))
    for subject, sentence in _COMMENTS.items():
        op.execute(f"COMMENT ON {subject} IS '{sentence.replace(chr(39), chr(39) * 2)}'")
    op.execute(_OVERVIEW)
