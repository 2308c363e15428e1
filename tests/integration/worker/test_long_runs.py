"""What years bring: ids and lease tokens beyond 2^31, and servers that are set up in other ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from leadgateway.store.breaker import Probe, Tally, close_breakers, open_breaker, open_breakers
from leadgateway.store.execute import rows
from leadgateway.store.people import move, reject, replay
from leadgateway.store.story import lead_story
from tests.building.command_line import leadgateway
from tests.building.customer import Answer, Customer
from tests.building.pump import Leads, a_compiled_route, leads_in, running_pump
from tests.building.stored_leads import ROUTE, Worker, let_leases_run_out, status_of, store_engine, stored, twin

BEYOND = 2**31 + 5_000_000_000
WITHIN = 60.0

LARGE = f"""
SELECT setval('lead_id_seq', {BEYOND});
ALTER TABLE duplicate_lead ALTER duplicate_id RESTART WITH {BEYOND};
ALTER TABLE breaker_opening ALTER opening_id RESTART WITH {BEYOND}
"""
OTHER_WAYS = (
    "timezone = 'Pacific/Chatham'",
    "datestyle = 'SQL, DMY'",
    "intervalstyle = 'iso_8601'",
    "bytea_output = 'escape'",
    "standard_conforming_strings = off",
    "default_transaction_isolation = 'serializable'",
)


def a_whole_life(leads: Leads, database_url: str, customer: Customer) -> int:
    """Let a lead fail, be delivered at the second attempt, and tell its id."""
    customer.answer_next(Answer(500))
    lead_id = leads.put_one()
    with running_pump(database_url, a_compiled_route(customer.url)):
        story = leads.until("DELIVERED", lead_id, within=WITHIN)
    assert leads.path(lead_id) == ["RECEIVED", "READY", "FAILED", "READY", "DELIVERED"]
    assert [attempt.kind for attempt in story.attempts] == ["status", "delivered"]
    return lead_id


def all_that_people_and_breakers_do(database_url: str) -> None:
    """Duplicates, lost leases, replay, move, reject, an open breaker and its probe."""
    engine = store_engine(database_url)
    with engine.connect() as connection:
        worker = Worker(connection)
        first, second = stored(connection, twin(), twin(b"l" * 32))
        worker.claim()
        let_leases_run_out(connection)
        worker.reject(worker.claim(1)[0])
        move(connection, [second], route="default/b", person="ann")
        replay(connection, [first], person="ann")
        open_breaker(connection, Tally(ROUTE, attempts=20, failures=20, leads=10), worker="w1")
        assert Worker(connection, "w2").claim() == []
        assert open_breakers(connection)[0].probe_in > timedelta(0)
        rows(connection, "UPDATE breaker_opening SET probe_at = now()")
        [probe] = worker.claim()
        assert probe.probe
        assert close_breakers(connection, [Probe(probe.lead_id, probe.token)], worker="w1") == [ROUTE]
        let_leases_run_out(connection)
        assert reject(connection, [first], code="SPAM", person="ann").done == (first,)
        assert [status_of(connection, lead_id) for lead_id in (first, second)] == ["REJECTED", "RECEIVED"]
        assert lead_story(connection, first) is not None
    engine.dispose()


def test_ids_and_lease_tokens_beyond_31_bits_go_through_everything(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    leads.ask(LARGE)

    lead_id = a_whole_life(leads, database_url, customer)
    leads.ask(f"ALTER TABLE lead_state ALTER lease_token SET DEFAULT {BEYOND}")
    all_that_people_and_breakers_do(database_url)

    assert lead_id > BEYOND
    shown = leadgateway("lead", "show", str(lead_id), environment={"DATABASE_URL": database_url})
    assert f"Lead {lead_id}  DELIVERED" in shown.out


def test_a_server_that_is_set_up_in_other_ways_changes_nothing(
    leads: Leads, database_url: str, customer: Customer
) -> None:
    [(database,)] = leads.ask("SELECT current_database()")
    for way in OTHER_WAYS:
        leads.ask(f"ALTER DATABASE {database} SET {way}")
    with leads_in(database_url) as anew:
        story = anew.story(a_whole_life(anew, database_url, customer))
    assert story.received_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - story.received_at) < timedelta(seconds=2 * WITHIN)

    all_that_people_and_breakers_do(database_url)
