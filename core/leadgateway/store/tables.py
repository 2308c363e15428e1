"""The tables, as the migrations leave them (a test compares the two).

Shape, and why:

- **What arrived never changes** (`inbound_lead`, wide) and stands apart from **where it stands** (`lead_state`,
  narrow): a change of state rewrites a hundred bytes, never a body.
- **Waiting leads are found by one index**, `(route, due_at)` of those that are due at some time. Neither claiming nor
  marking ready touches an indexed column, so both are HOT updates: no index is written, and the old versions go with
  the next visit of the page. The fill factor leaves room for them. Finished leads leave dead entries at the beginning
  of that index, which claims have to step over; hence the eager vacuum.
- **The audit is only ever added to** (`status_transition`, `delivery_round`, `delivery_attempt`); triggers refuse
  UPDATE and DELETE. Numbers are given by `lead_state`, whose row is locked by whoever adds.
- **What people search by stands apart too** (`lead_search`): workers make it from the leads, a moment after these were
  stored, so that neither intake nor a change of state pays for its indexes (see `search_index`).
- **No foreign keys**: each insert would look up and lock the row it names, which is most of the cost of a narrow
  insert, to guard what one statement writes together anyway.
- **Names of routes sort by byte** (collation "C"): quicker, and no upgrade of the operating system's locales can
  disorder the index.

- **The end of a lead** stands in `ended_at`, for retention. The indexes with it hold ended leads only; a lead enters
  them in the update that ends it, which writes indexes anyway.

Retention and erasure are the only ones that may change the audit. A transaction that says
`SET LOCAL leadgateway.retention = 'on'` gets past the triggers, if its role has the privileges: the runtime role
(see `grants`) has not, and calls functions that remove nothing but what may be removed. Removed contents (`body`,
`payload`) become empty, which no accepted lead ever is.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Enum,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB

from leadgateway.store.status import LeadStatus

metadata = MetaData()

lead_id_seq = Sequence("lead_id_seq", metadata=metadata, data_type=BigInteger)

_Status = Enum(LeadStatus, name="lead_status", metadata=metadata)
_ZERO = text("0")
_ONE = text("1")
_Time = DateTime(timezone=True)
_Route = String(collation="C")

inbound_lead = Table(
    "inbound_lead",
    metadata,
    Column("lead_id", BigInteger, autoincrement=False),
    Column("received_at", _Time, nullable=False),
    Column("correlation_id", Uuid, nullable=False, comment="given by the source or made here; need not be unique"),
    Column("route", _Route, nullable=False, comment="namespace/name of the LeadRoute that accepted it"),
    Column("config_hash", Text, nullable=False),
    Column("dedup_key", LargeBinary, comment="digest of the normalised values that make it a duplicate"),
    Column("headers", JSON, nullable=False, comment="without authentication; json, since jsonb can't hold NUL"),
    Column("body", LargeBinary, nullable=False, comment="byte for byte as posted; empty once erased"),
    PrimaryKeyConstraint("lead_id", name="inbound_lead_pkey"),
    Index("inbound_lead_correlation_id", "correlation_id"),
    comment="What arrived. Inserted only.",
)

lead_state = Table(
    "lead_state",
    metadata,
    Column("lead_id", BigInteger, autoincrement=False),
    Column("lease_token", BigInteger, nullable=False, server_default=_ZERO, comment="fencing: +1 with each lease"),
    Column("due_at", _Time, comment="when a worker may look at it; null at an end"),
    Column("leased_at", _Time),
    Column("leased_until", _Time, comment="null: not leased"),
    Column("updated_at", _Time, nullable=False, comment="of the last transition"),
    Column("status", _Status, nullable=False, server_default=text("'RECEIVED'")),
    Column("round", Integer, nullable=False, server_default=_ONE, comment="delivery round; a replay begins the next"),
    Column("transitions", Integer, nullable=False, server_default=_ONE, comment="highest seq in status_transition"),
    Column("attempts", Integer, nullable=False, server_default=_ZERO, comment="highest number in delivery_attempt"),
    Column("failures", Integer, nullable=False, server_default=_ZERO, comment="failed attempts of this round"),
    Column("expired", SmallInteger, nullable=False, server_default=_ZERO, comment="leases that ran out in a row"),
    Column("route", _Route, nullable=False, comment="whose customer gets it; differs from where it arrived if moved"),
    Column("lease_holder", Text),
    Column("reject_code", Text),
    Column("ended_at", _Time, comment="when it came to its end; null while it waits"),
    Column("contents_removed_at", _Time, comment="when body, headers, payloads and answers were removed"),
    Column("contents_removed_by", Text, comment="retention, or erasure"),
    PrimaryKeyConstraint("lead_id", name="lead_state_pkey"),
    CheckConstraint(
        "(due_at IS NULL) = (status IN ('DELIVERED', 'REJECTED', 'PERMANENTLY_FAILED'))", name="lead_state_due_or_final"
    ),
    CheckConstraint(
        "CASE WHEN leased_until IS NULL THEN leased_at IS NULL AND lease_holder IS NULL"
        " ELSE leased_at IS NOT NULL AND lease_holder IS NOT NULL AND due_at IS NOT NULL END",
        name="lead_state_lease",
    ),
    CheckConstraint("(reject_code IS NOT NULL) = (status = 'REJECTED')", name="lead_state_reject_code"),
    Index("lead_state_waiting", "route", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("lead_state_rejected", "lead_id", "reject_code", postgresql_where=text("reject_code IS NOT NULL")),
    Index(
        "lead_state_contents",
        "route",
        "ended_at",
        postgresql_where=text("ended_at IS NOT NULL AND contents_removed_at IS NULL"),
    ),
    Index(
        "lead_state_records",
        "route",
        "ended_at",
        postgresql_where=text("ended_at IS NOT NULL AND contents_removed_at IS NOT NULL"),
    ),
    Index("lead_state_unmarked", "lead_id", postgresql_where=text("due_at IS NULL AND ended_at IS NULL")),
    postgresql_with={
        "fillfactor": "50",
        "autovacuum_vacuum_scale_factor": "0.01",
        "autovacuum_vacuum_threshold": "5000",
        "autovacuum_vacuum_cost_delay": "0",
        "vacuum_index_cleanup": "on",
    },
    comment="Where each lead stands.",
)

status_transition = Table(
    "status_transition",
    metadata,
    Column("lead_id", BigInteger, autoincrement=False),
    Column("at", _Time, nullable=False),
    Column("seq", Integer, autoincrement=False),
    Column("from_status", _Status, comment="null for the first"),
    Column("to_status", _Status, nullable=False),
    Column("actor", Text, nullable=False, comment="webhook, worker:<id> or person:<name>"),
    Column("config_hash", Text, comment="version of the route that decided; null if none did"),
    Column("code", Text),
    Column("detail", JSONB),
    PrimaryKeyConstraint("lead_id", "seq", name="status_transition_pkey"),
    Index("status_transition_given_up", "lead_id", postgresql_where=text("to_status = 'PERMANENTLY_FAILED'")),
    comment="Every change of state. Inserted only.",
)

delivery_round = Table(
    "delivery_round",
    metadata,
    Column("lead_id", BigInteger, autoincrement=False),
    Column("created_at", _Time, nullable=False),
    Column("idempotency_key", Uuid, nullable=False),
    Column("round", Integer, autoincrement=False),
    Column("config_hash", Text, nullable=False, comment="version of the route that mapped"),
    Column("omitted", JSONB, comment="optional targets left out, and why"),
    Column("payload", LargeBinary, nullable=False, comment="what is sent, by each attempt alike; empty once erased"),
    PrimaryKeyConstraint("lead_id", "round", name="delivery_round_pkey"),
    comment="What is sent, stored before it is. Inserted only.",
)

delivery_attempt = Table(
    "delivery_attempt",
    metadata,
    Column("lead_id", BigInteger, autoincrement=False),
    Column("started_at", _Time, nullable=False),
    Column("lease_token", BigInteger, nullable=False),
    Column("number", Integer, autoincrement=False),
    Column("round", Integer, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("response_status", SmallInteger),
    Column("kind", Text, nullable=False, comment="delivered, status, timeout, connect, …, lease_expired"),
    Column("worker", Text, nullable=False),
    Column("config_hash", Text, comment="version of the route that sent; null for lease_expired"),
    Column("error", Text),
    Column("response_headers", JSON),
    Column("response_body", LargeBinary, comment="the first 4 KiB"),
    PrimaryKeyConstraint("lead_id", "number", name="delivery_attempt_pkey"),
    CheckConstraint("octet_length(response_body) <= 4096", name="delivery_attempt_excerpt"),
    comment="Every attempt to deliver, answered or not. Inserted only.",
)

lead_key = Table(
    "lead_key",
    metadata,
    Column("lead_id", BigInteger, nullable=False, autoincrement=False),
    Column("expires_at", _Time, nullable=False),
    Column("correlation_id", Uuid, nullable=False),
    Column("kind", Text(collation="C"), comment="D: deduplication, I: Idempotency-Key"),
    Column("route", _Route),
    Column("digest", LargeBinary),
    Column("body_digest", LargeBinary, comment="SHA-256 of the body an Idempotency-Key came with"),
    PrimaryKeyConstraint("route", "kind", "digest", name="lead_key_pkey"),
    CheckConstraint("kind IN ('D', 'I')", name="lead_key_kind"),
    Index("lead_key_expires_at", "expires_at"),
    comment="Which lead holds a deduplication key or an Idempotency-Key, and until when.",
)

duplicate_lead = Table(
    "duplicate_lead",
    metadata,
    Column("duplicate_id", BigInteger, Identity(always=True)),
    Column("lead_id", BigInteger, nullable=False, comment="the first of them, which was answered"),
    Column("received_at", _Time, nullable=False),
    Column("correlation_id", Uuid, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("duplicate_id", name="duplicate_lead_pkey"),
    Index("duplicate_lead_lead_id", "lead_id"),
    comment="What arrived again and was answered with the first lead's ids. Inserted only.",
)

breaker_opening = Table(
    "breaker_opening",
    metadata,
    Column("opening_id", BigInteger, Identity(always=True)),
    Column("opened_at", _Time, nullable=False),
    Column("closed_at", _Time, comment="null: it is open"),
    Column("probe_at", _Time, nullable=False, comment="while it is open: not before this is the next lead tried"),
    Column("probe_lead_id", BigInteger, comment="the lead of the last probe"),
    Column("probe_token", BigInteger, comment="the lease of the last probe; while it runs there is no other"),
    Column("probes", Integer, nullable=False, server_default=_ZERO),
    Column("attempts", Integer, nullable=False, comment="within the minute before it opened"),
    Column("failures", Integer, nullable=False, comment="of those attempts"),
    Column("leads", Integer, nullable=False, comment="different leads of those attempts"),
    Column("route", _Route, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("closed_by", Text),
    PrimaryKeyConstraint("opening_id", name="breaker_opening_pkey"),
    CheckConstraint(
        "(closed_at IS NULL) = (closed_by IS NULL) AND closed_at >= opened_at", name="breaker_opening_closed"
    ),
    CheckConstraint("(probe_lead_id IS NULL) = (probe_token IS NULL)", name="breaker_opening_probe"),
    Index("breaker_opening_open", "route", unique=True, postgresql_where=text("closed_at IS NULL")),
    Index("breaker_opening_route", "route", "opened_at"),
    Index("breaker_opening_ended", "closed_at", postgresql_where=text("closed_at IS NOT NULL")),
    comment="When a route's circuit breaker was open, and why: meanwhile only probes are delivered.",
)

breaker_tally = Table(
    "breaker_tally",
    metadata,
    Column("at", _Time),
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("worker", Text),
    Column("route", _Route),
    Column("leads", ARRAY(BigInteger), nullable=False, comment="up to ten of the leads that were attempted"),
    PrimaryKeyConstraint("at", "worker", "route", name="breaker_tally_pkey"),
    comment="Attempts of the last minute on routes with failures, by the worker that counted them.",
)

lead_search = Table(
    "lead_search",
    metadata,
    Column("lead_id", BigInteger, autoincrement=False),
    Column("received_at", _Time, nullable=False),
    Column("route", _Route, nullable=False, comment="as in lead_state"),
    Column(
        "terms",
        ARRAY(BigInteger),
        comment="digests of path=value, see pipeline/search_terms.py; null until they are made",
    ),
    PrimaryKeyConstraint("lead_id", name="lead_search_pkey"),
    Index("lead_search_route", "route", "lead_id"),
    Index("lead_search_received_at", "received_at"),
    Index("lead_search_keys", text("search_keys(lead_id, terms)"), postgresql_using="gin"),
    comment="What a lead is found by; made from it by the workers, soon after it was stored.",
)

search_progress = Table(
    "search_progress",
    metadata,
    Column("read_up_to", BigInteger, nullable=False, comment="the lead up to which new ones were taken on"),
    Column(
        "settled_up_to",
        BigInteger,
        nullable=False,
        comment="the lead up to which none was missed, down to where it was begun",
    ),
    Column("backfilled_down_to", BigInteger, nullable=False, comment="the lead down to which older ones were taken on"),
    comment="How far lead_search has come. One row.",
)

erasure = Table(
    "erasure",
    metadata,
    Column("erasure_id", BigInteger, Identity(always=True)),
    Column("at", _Time, nullable=False),
    Column("finished_at", _Time, comment="null: it was interrupted"),
    Column("leads_found", Integer, nullable=False),
    Column("leads_erased", Integer, nullable=False, server_default=_ZERO),
    Column("traces_left", Integer, comment="rows in which the value was still found afterwards"),
    Column("actor", Text, nullable=False, comment="person:<name>"),
    Column(
        "sought", Text, nullable=False, comment="by what the person was sought: email, phone or id; never the value"
    ),
    Column("reference", Text, comment="of the request, such as the number of a ticket"),
    PrimaryKeyConstraint("erasure_id", name="erasure_pkey"),
    CheckConstraint("sought IN ('email', 'phone', 'id')", name="erasure_sought"),
    comment="That somebody's data was erased: who did it, when, of how many leads; not whose.",
)

bulk_action = Table(
    "bulk_action",
    metadata,
    Column("action_id", BigInteger, Identity(always=True)),
    Column("created_at", _Time, nullable=False),
    Column("finished_at", _Time),
    Column("total", Integer, nullable=False),
    Column("processed", Integer, nullable=False, server_default=_ZERO, comment="of lead_ids, from the first on"),
    Column("done", Integer, nullable=False, server_default=_ZERO),
    Column("refused", Integer, nullable=False, server_default=_ZERO, comment="had changed since they were meant"),
    Column("route", _Route),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("actor", Text, nullable=False, comment="person:<name>"),
    Column("cancelled_by", Text),
    Column("reason", Text),
    Column("code", Text),
    Column(
        "lead_ids", ARRAY(BigInteger), nullable=False, comment="the leads that are meant, decided when it was begun"
    ),
    PrimaryKeyConstraint("action_id", name="bulk_action_pkey"),
    CheckConstraint("kind IN ('replay', 'reject', 'move')", name="bulk_action_kind"),
    CheckConstraint("state IN ('running', 'done', 'cancelled')", name="bulk_action_state"),
    CheckConstraint("(finished_at IS NULL) = (state = 'running')", name="bulk_action_finished"),
    CheckConstraint("processed = done + refused AND processed <= total", name="bulk_action_counts"),
    Index("bulk_action_running", "action_id", postgresql_where=text("state = 'running'")),
    comment="What people do to many leads at once, and how far it is.",
)

personal_data_look = Table(
    "personal_data_look",
    metadata,
    Column("look_id", BigInteger, Identity(always=True)),
    Column("at", _Time, nullable=False),
    Column("lead_id", BigInteger, comment="if it was one"),
    Column("leads", Integer, nullable=False),
    Column("kind", Text, nullable=False, comment="contents, search or export"),
    Column("actor", Text, nullable=False, comment="person:<name>"),
    PrimaryKeyConstraint("look_id", name="personal_data_look_pkey"),
    CheckConstraint("kind IN ('contents', 'search', 'export')", name="personal_data_look_kind"),
    comment="That somebody looked at personal data: who, when, at how many leads. Inserted only.",
)
