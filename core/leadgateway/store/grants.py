"""What the role of the running processes may do: less than the owner, who migrates. Nobody needs a superuser.

- **Owner**: owns the tables; `leadgateway migrate` runs as it. An ordinary role that may create in the schema.
- **Runtime**: webhook and worker (and console). Adds to the audit and can't change or remove any of it.
- **Console**: what people do to leads, and no more: it can take no lead in and deliver none.
- **Nobody but the owner** changes or deletes what stands in the audit. Retention and erasure run as the runtime role
  through functions of the owner (`remove_contents`, `remove_records`, `remove_openings`, `erase_leads`, see the
  migrations): those remove only what ended long enough ago, or what a row of `erasure` accounts for, which this role
  can't delete.
"""

from __future__ import annotations

from leadgateway.store.connection import Connection
from leadgateway.store.errors import StoreError
from leadgateway.store.execute import rows


class UnknownRole(StoreError):
    """There is no role of this name to give anything to."""


class NotTheOwner(StoreError):
    """Who is connected does not own the tables, and so can't give others access to them."""


def grant_runtime(connection: Connection, role: str) -> None:
    """Give an existing role what webhook, worker and console need, and no more. May be repeated.

    Args:
        connection: As the owner of the tables, in autocommit.
        role: The role's name, as PostgreSQL has it.

    Raises:
        UnknownRole: There is no such role.
        NotTheOwner: The connection is not the owner's.
        StoreError: By cause.
    """
    _grant(connection, role, _RUNTIME)


def grant_console(connection: Connection, role: str) -> None:
    """Give an existing role what a console alone needs, and no more; see `grant_runtime`."""
    _grant(connection, role, _CONSOLE)


def _grant(connection: Connection, role: str, wanted: tuple[str, ...]) -> None:
    found = rows(connection, _QUOTED, {"role": role})
    if not found:
        raise UnknownRole(f"there is no role {role!r}; make it first, with CREATE ROLE … LOGIN PASSWORD '…'")
    [(grantee, schema, me, owner)] = found
    if owner is not None:
        raise NotTheOwner(f"the tables belong to {owner}, so {me} can't give others access to them: log in as {owner}")
    privileges = (f"USAGE ON SCHEMA {schema}", *wanted)
    rows(connection, ";".join(f"GRANT {privilege} TO {grantee}" for privilege in privileges))


# By the catalog, since GRANT would take `public` for everybody. The owner is asked for, because GRANT only warns who
# isn't.
_QUOTED = """
SELECT quote_ident(rolname), quote_ident(current_schema()), current_user,
       (SELECT pg_get_userbyid(relowner) FROM pg_class
        WHERE oid = to_regclass('inbound_lead') AND NOT pg_has_role(relowner, 'USAGE'))
FROM pg_roles WHERE rolname = %(role)s
"""


_RUNTIME = (
    "SELECT, INSERT ON inbound_lead, status_transition, delivery_round, delivery_attempt, duplicate_lead",
    "SELECT, INSERT, UPDATE ON lead_state, lead_search",
    "SELECT, UPDATE ON search_progress",
    "SELECT, INSERT, UPDATE ON bulk_action",
    "SELECT, INSERT ON personal_data_look",
    "SELECT, INSERT, UPDATE, DELETE ON lead_key",
    "SELECT, INSERT, UPDATE ON breaker_opening",
    "SELECT, INSERT, UPDATE, DELETE ON breaker_tally",
    "USAGE ON SEQUENCE lead_id_seq",
    "SELECT ON alembic_version, lead_overview",
    "SELECT, INSERT, UPDATE (finished_at, traces_left) ON erasure",
    "EXECUTE ON FUNCTION erase_leads(bigint, bigint[])",
    "EXECUTE ON FUNCTION remove_contents(varchar, interval, integer), remove_records(varchar, interval, integer)",
    "EXECUTE ON FUNCTION remove_openings(interval, integer)",
)

# Indexing what is new belongs to searching (`search_index.catch_up`); the rest is what `people`, `bulk` and `erasing`
# do. Whoever looks for a person reads every table that can hold text.
_CONSOLE = (
    "SELECT ON inbound_lead, delivery_round, duplicate_lead, breaker_opening, breaker_tally, alembic_version",
    "SELECT ON lead_overview",
    "SELECT, INSERT, UPDATE (finished_at, traces_left) ON erasure",
    "EXECUTE ON FUNCTION erase_leads(bigint, bigint[])",
    "SELECT, INSERT ON status_transition, delivery_attempt, personal_data_look",
    "SELECT, UPDATE ON lead_state, search_progress",
    "SELECT, INSERT, UPDATE ON lead_search, bulk_action",
    "SELECT, DELETE ON lead_key",
)
