"""What the role of the running processes may do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from leadgateway.dev.postgres import SUPERUSER, EmbeddedPostgres
from leadgateway.store.backlog import backlog
from leadgateway.store.errors import SchemaMismatch
from leadgateway.store.execute import rows
from leadgateway.store.grants import grant_runtime
from leadgateway.store.housekeeping import delete_expired_keys
from leadgateway.store.intake import store_batch
from leadgateway.store.migrations import schema_is_current
from leadgateway.store.people import replay
from leadgateway.store.story import lead_story
from tests.building.stored_leads import Worker, store_engine, stored, twin

ROLE = 'run "time"; --'
QUOTED = '"run ""time""; --"'


@pytest.fixture
def superuser(postgres_server: EmbeddedPostgres, alterable: Connection) -> Iterator[Connection]:
    """A superuser at the same database, only to make roles."""
    [(database,)] = rows(alterable, "SELECT current_database()")
    engine = store_engine(postgres_server.url_of(database, role=SUPERUSER))
    with engine.connect() as connection:
        rows(connection, f"CREATE ROLE {QUOTED}")
        yield connection
        rows(connection, f"RESET ROLE; DROP OWNED BY {QUOTED}; DROP ROLE {QUOTED}")
    engine.dispose()


@pytest.fixture
def runtime(superuser: Connection, alterable: Connection) -> Connection:
    """A connection that acts as a role which was granted what the running processes need."""
    grant_runtime(alterable, ROLE)
    rows(superuser, f"SET ROLE {QUOTED}")
    return superuser


def test_it_can_do_all_that_the_running_processes_do(runtime: Connection) -> None:
    worker = Worker(runtime)
    first, second = stored(runtime, twin(idempotency_key="k"), twin(b"other" * 6))
    store_batch(runtime, [twin()])
    to_deliver, to_reject = worker.claim()
    worker.mark_ready([to_deliver])
    worker.deliver(to_deliver)
    worker.reject(to_reject)
    replay(runtime, [second], person="ann")

    assert schema_is_current(runtime)
    assert lead_story(runtime, first) is not None
    assert [route.waiting for route in backlog(runtime)] == [1]
    assert delete_expired_keys(runtime) == 0
    assert rows(runtime, "SELECT count(*) FROM lead_overview") == [(2,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SET LOCAL leadgateway.retention = 'on'; UPDATE inbound_lead SET body = ''",
        "SET LOCAL leadgateway.retention = 'on'; DELETE FROM status_transition",
        "DELETE FROM delivery_attempt",
        "UPDATE delivery_round SET payload = ''",
        "DELETE FROM lead_state",
        "TRUNCATE lead_state",
        "DROP TABLE lead_key",
        "ALTER TABLE lead_state DISABLE TRIGGER ALL",
        "UPDATE alembic_version SET version_num = '9999'",
        "SELECT setval('lead_id_seq', 1)",
    ],
)
def test_it_can_neither_change_the_audit_nor_the_schema(runtime: Connection, statement: str) -> None:
    with pytest.raises(SchemaMismatch, match="42501"):
        rows(runtime, statement)


def test_granting_again_does_no_harm(alterable: Connection, superuser: Connection) -> None:
    grant_runtime(alterable, ROLE)
    grant_runtime(alterable, ROLE)


def test_the_owner_need_not_be_a_superuser(alterable: Connection) -> None:
    # All other tests of the store, migrations included, run as this role
    assert rows(alterable, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [(False,)]
    owner = "SELECT tableowner = current_user FROM pg_tables WHERE tablename = 'inbound_lead'"
    assert rows(alterable, owner) == [(True,)]
