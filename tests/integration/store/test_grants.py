"""What the role of the running processes may do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from psycopg2.extensions import make_dsn

from leadgateway.dev.postgres import SUPERUSER, EmbeddedPostgres
from leadgateway.person import EmailAddress
from leadgateway.store.backlog import backlog, waiting_routes
from leadgateway.store.breaker import (
    Counted,
    Probe,
    Tally,
    close_breakers,
    count,
    open_breaker,
    open_breakers,
    remove_openings,
    tallies,
)
from leadgateway.store.bulk import BulkKind, BulkWish, begin, cancel, meant
from leadgateway.store.connection import Connection
from leadgateway.store.erasing import Sought, erase_whole, look
from leadgateway.store.erasure import begin_erasure, erase, finish_erasure
from leadgateway.store.errors import SchemaMismatch, StoreError
from leadgateway.store.execute import rows
from leadgateway.store.grants import NotTheOwner, UnknownRole, grant_console, grant_runtime
from leadgateway.store.housekeeping import delete_expired_keys
from leadgateway.store.intake import store_batch
from leadgateway.store.looks import Look, record_look
from leadgateway.store.migrations import schema_is_current
from leadgateway.store.outcomes import Exhausted, PermanentlyFailed, Released
from leadgateway.store.people import move, reject, replay
from leadgateway.store.retention import ends, mark_ended, remove
from leadgateway.store.route_state import route_states
from leadgateway.store.search import LeadFilter, search
from leadgateway.store.search_index import index_missed, index_old
from leadgateway.store.statistics import statistics
from leadgateway.store.story import lead_story
from leadgateway.store.traces import find_person
from tests.building.stored_leads import (
    CONFIG,
    DAY,
    Worker,
    attempt,
    let_leases_run_out,
    new_lead,
    status_of,
    store_engine,
    stored,
    twin,
)

ROLE = 'run "time"; --'
QUOTED = '"run ""time""; --"'
PASSWORD = "only for this test"


@pytest.fixture
def superuser(postgres_server: EmbeddedPostgres, alterable: Connection) -> Iterator[Connection]:
    """A superuser at the same database, only to make roles."""
    [(database,)] = rows(alterable, "SELECT current_database()")
    engine = store_engine(postgres_server.url_of(database, role=SUPERUSER))
    with engine.connect() as connection:
        rows(connection, f"CREATE ROLE {QUOTED} LOGIN PASSWORD '{PASSWORD}'")
        yield connection
        rows(connection, f"DROP OWNED BY {QUOTED}; DROP ROLE {QUOTED}")
    engine.dispose()


@pytest.fixture
def runtime(superuser: Connection, alterable: Connection, postgres_server: EmbeddedPostgres) -> Iterator[Connection]:
    """A connection of a role that was granted what the running processes need, and nothing else."""
    grant_runtime(alterable, ROLE)
    [(database,)] = rows(superuser, "SELECT current_database()")
    engine = store_engine(make_dsn(postgres_server.url_of(database), user=ROLE, password=PASSWORD))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def console(superuser: Connection, alterable: Connection, postgres_server: EmbeddedPostgres) -> Iterator[Connection]:
    """A connection of a role that was granted what a console needs, and nothing else."""
    grant_console(alterable, ROLE)
    [(database,)] = rows(superuser, "SELECT current_database()")
    engine = store_engine(make_dsn(postgres_server.url_of(database), user=ROLE, password=PASSWORD))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_a_console_can_do_all_that_people_do(console: Connection, alterable: Connection) -> None:
    worker = Worker(alterable)
    first, second, third, fourth = stored(alterable, twin(), *(new_lead() for _ in range(3)))
    worker.reject(worker.claim(1)[0])
    worker.claim(1)
    let_leases_run_out(alterable)
    wish = BulkWish(BulkKind.REPLAY)

    assert schema_is_current(console)
    assert [lead.lead_id for lead in search(console, LeadFilter()).leads] == [fourth, third, second, first]
    replay(console, [first], person="ann")
    move(console, [second], route="default/b", person="ann")
    reject(console, [third, fourth], person="ann", code="SPAM")
    record_look(console, Look("contents", 1, first), person="ann")
    assert lead_story(console, second) is not None
    action = begin(console, meant(console, LeadFilter(), wish), wish, person="ann")
    assert action.total == 2
    assert cancel(console, action.action_id, person="ann") is not None
    assert sum(route.waiting for route in backlog(console)) == 2
    assert open_breakers(console) == []
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    assert statistics(console, received_from=now - hour, received_before=now + hour, bucket=hour).total == 4
    assert len(route_states(console, recent=timedelta(hours=1))) == 2


def test_a_console_erases_a_person_and_reads_everything_to_prove_it(console: Connection, alterable: Connection) -> None:
    [lead] = stored(alterable, new_lead(body=b'{"email": "eva@example.com"}'))
    sought = Sought(EmailAddress.parse("eva@example.com"))

    found = look(console, sought)
    outcome = erase_whole(console, sought, found, person="ann", reference=None, wait=0)

    assert found.lead_ids == [lead]
    assert (outcome.erased.done, outcome.left.count) == ((lead,), 0)
    assert {"inbound_lead", "breaker_tally", "erasure"} <= outcome.left.rows.keys()


def test_a_console_erases_nothing_that_no_record_accounts_for(console: Connection) -> None:
    with pytest.raises(StoreError):
        rows(console, "SELECT erase_leads(1, ARRAY[1::bigint])")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO inbound_lead SELECT * FROM inbound_lead",
        "INSERT INTO delivery_round SELECT * FROM delivery_round",
        "SELECT nextval('lead_id_seq')",
        "DELETE FROM personal_data_look",
        "UPDATE status_transition SET actor = 'person:nobody'",
        "DELETE FROM lead_state",
        "SELECT remove_contents('default/solar', interval '1 day', 10)",
        "SELECT remove_openings(interval '1 day', 10)",
        "DELETE FROM erasure",
        "UPDATE erasure SET actor = 'person:nobody'",
    ],
)
def test_a_console_can_neither_take_leads_in_nor_deliver_nor_change_the_audit(
    console: Connection, statement: str
) -> None:
    with pytest.raises(SchemaMismatch, match="42501"):
        rows(console, statement)


def test_it_can_do_all_that_the_webhook_does(runtime: Connection) -> None:
    stored(runtime, twin(idempotency_key="k"), new_lead(), new_lead(route="default/b"))
    answers = store_batch(runtime, [twin(), twin(idempotency_key="k"), new_lead(idempotency_key="k", body=b"{}")])

    assert [type(answer).__name__ for answer in answers] == ["Duplicate", "Duplicate", "KeyReused"]
    assert schema_is_current(runtime)


def test_it_can_do_all_that_the_worker_does(runtime: Connection) -> None:
    worker = Worker(runtime)
    stored(runtime, twin(), count=1)
    stored(runtime, count=6)
    worker.reject(worker.claim(1)[0])
    leads = worker.claim()
    worker.mark_ready(leads)
    delivered, failed, exhausted, refused, released, left = leads
    worker.deliver(delivered)
    worker.fail(failed, delay=timedelta(hours=1))
    worker.finish(
        Exhausted(exhausted.lead_id, exhausted.token, CONFIG, attempt("timeout", response_status=None)),
        PermanentlyFailed(refused.lead_id, refused.token, CONFIG, attempt("status", response_status=400), "REFUSED"),
        Released(released.lead_id, released.token, CONFIG),
    )
    let_leases_run_out(runtime)
    again = worker.claim()

    assert {lead.lead_id for lead in again} == {released.lead_id, left.lead_id}
    assert list(waiting_routes(runtime).oldest) == ["default/solar"]
    stored(runtime, twin(os.urandom(32), dedup_window=timedelta(0)))
    assert delete_expired_keys(runtime) == 1
    assert mark_ended(runtime) == 0
    assert len(ends(runtime).routes) == 1
    for part in ("contents", "records"):
        assert remove(runtime, part, route="default/solar", older_than=timedelta(hours=1)) == 0


def test_it_can_do_all_that_breakers_need(runtime: Connection) -> None:
    tally = Tally("default/solar", attempts=20, failures=20, leads=10)
    stored(runtime)
    count(runtime, [Counted("default/solar", 20, 20, frozenset(range(10)))], worker="w1")

    assert tallies(runtime) == [tally]
    assert open_breaker(runtime, tally, worker="w1")
    rows(runtime, "UPDATE breaker_opening SET probe_at = now()")
    [probe] = Worker(runtime).claim()
    assert close_breakers(runtime, [Probe(probe.lead_id, probe.token)], worker="w1") == ["default/solar"]
    assert open_breakers(runtime) == []
    assert remove_openings(runtime, older_than=timedelta(days=1)) == 0


def test_it_can_do_all_that_people_do(runtime: Connection) -> None:
    worker = Worker(runtime)
    first, second, third = stored(runtime, count=3)
    worker.reject(worker.claim(1)[0])
    replay(runtime, [first], person="ann")
    move(runtime, [second], route="default/b", person="ann")
    reject(runtime, [third], person="ann", code="SPAM")

    assert [status_of(runtime, lead_id) for lead_id in (first, second, third)] == ["RECEIVED", "RECEIVED", "REJECTED"]
    number = begin_erasure(runtime, sought="id", leads=1, person="ann")
    assert erase(runtime, number, [third], person="ann").done == (third,)
    finish_erasure(runtime, number, traces_left=0)
    assert find_person(runtime, EmailAddress.parse("user@example.com")).lead_ids == [first, second]
    assert lead_story(runtime, first) is not None
    assert [route.waiting for route in backlog(runtime)] == [1, 1]
    assert rows(runtime, "SELECT count(*) FROM lead_overview") == [(3,)]


def test_it_can_search_and_count_and_keep_the_index_of_what_is_there(runtime: Connection) -> None:
    [lead_id] = stored(runtime)
    page = search(runtime, LeadFilter(email="user@example.com"))
    now = datetime.now(UTC)

    assert [lead.lead_id for lead in page.leads] == [lead_id]
    assert (index_missed(runtime), index_old(runtime)) == (0, 0)
    assert statistics(runtime, received_from=now - DAY, received_before=now + DAY, bucket=DAY).total == 1


def test_nothing_of_the_schema_was_forgotten(runtime: Connection) -> None:
    forgotten = rows(
        runtime,
        """
        SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace
          AND (relkind IN ('r', 'p', 'v') AND NOT has_table_privilege(oid, 'SELECT')
               OR relkind = 'S' AND NOT has_sequence_privilege(oid, 'USAGE')
                  -- that of an identity column belongs to whoever inserts
                  AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'i'))
        """,
    )

    assert forgotten == []


@pytest.mark.parametrize(
    "statement",
    [
        "SET LOCAL leadgateway.retention = 'on'; UPDATE inbound_lead SET body = ''",
        "SET LOCAL leadgateway.retention = 'on'; DELETE FROM status_transition",
        "DELETE FROM delivery_attempt",
        "UPDATE delivery_round SET payload = ''",
        "DELETE FROM lead_state",
        "DELETE FROM breaker_opening",
        "TRUNCATE lead_state",
        "DROP TABLE lead_key",
        "ALTER TABLE lead_state DISABLE TRIGGER ALL",
        "UPDATE alembic_version SET version_num = '9999'",
        "SELECT setval('lead_id_seq', 1)",
        "SELECT empty_leads(ARRAY[1::bigint], 'me')",
        "SELECT delete_leads(ARRAY[1::bigint])",
        "DELETE FROM erasure",
        "UPDATE erasure SET actor = 'person:somebody else'",
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


def test_a_role_that_is_not_there_is_named(alterable: Connection) -> None:
    with pytest.raises(UnknownRole, match=r"'nobody_here'.*CREATE ROLE"):
        grant_runtime(alterable, "nobody_here")


def test_everybody_is_no_role(alterable: Connection) -> None:
    with pytest.raises(UnknownRole, match="'public'"):
        grant_runtime(alterable, "public")


def test_only_the_owner_can_grant(runtime: Connection) -> None:
    with pytest.raises(NotTheOwner, match="belong to leadgateway, so run "):
        grant_runtime(runtime, ROLE)
