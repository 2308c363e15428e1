"""The routes' circuit breakers: what opens them, what is given out meanwhile, what closes them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leadgateway.store.breaker import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Counted,
    Probe,
    Tally,
    close_breakers,
    count,
    open_breaker,
    open_breakers,
    opens,
    probe_another,
    remove_openings,
    tallies,
)
from leadgateway.store.claims import Claim
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.errors import RowRefused
from leadgateway.store.execute import rows
from leadgateway.store.outcomes import Released
from tests.building.stored_leads import CONFIG, ROUTE, Worker, at_once, let_leases_run_out, new_lead, stored

OTHER = "default/wind"
DOWN = Tally(ROUTE, attempts=20, failures=20, leads=10)


def seen(attempts: int = 1, failures: int = 1, leads: int = 1, *, route: str = ROUTE, first: int = 1) -> Counted:
    """What a worker counted; its leads are numbered from `first`."""
    return Counted(route, attempts, failures, frozenset(range(first, first + leads)))


def let_time_pass(connection: Connection, time: timedelta) -> None:
    """Make it later, for breakers."""
    for column in ("breaker_opening.opened_at", "breaker_opening.probe_at", "breaker_tally.at"):
        table, name = column.split(".")
        rows(connection, f"UPDATE {table} SET {name} = {name} - %(time)s", {"time": time})


def probe_of(lead: Claim) -> Probe:
    return Probe(lead.lead_id, lead.token)


@pytest.mark.parametrize(
    ("attempts", "failures", "leads", "expected"),
    [
        (20, 18, 10, True),
        (20, 17, 10, False),
        (19, 19, 10, False),
        (20, 20, 9, False),
        (1000, 900, 10, True),
        (1000, 899, 500, False),
        (0, 0, 0, False),
    ],
)
def test_it_opens_at_nine_failures_of_ten_in_twenty_attempts_for_ten_leads(
    attempts: int, failures: int, leads: int, expected: bool
) -> None:
    assert opens(Tally(ROUTE, attempts, failures, leads)) is expected


def test_what_all_workers_counted_within_a_minute_is_one_tally(connection: Connection) -> None:
    count(connection, [seen(6, 6, leads=6), seen(1, 0, route=OTHER)], worker="w1")
    count(connection, [seen(6, 5, leads=6, first=4)], worker="w2")
    count(connection, [seen(2, 2, leads=1)], worker="w1")

    assert sorted(tallies(connection), key=lambda tally: tally.route) == [
        Tally(ROUTE, attempts=14, failures=13, leads=9),
        Tally(OTHER, attempts=1, failures=0, leads=1),
    ]


def test_what_was_counted_longer_ago_than_a_minute_is_forgotten(connection: Connection) -> None:
    count(connection, [seen(20, 20, leads=10)], worker="w1")
    let_time_pass(connection, timedelta(seconds=61))

    assert tallies(connection) == []

    count(connection, [seen()], worker="w1")
    assert rows(connection, "SELECT attempts FROM breaker_tally") == [(1,)]


def test_many_workers_may_count_at_the_same_time(engine: Engine) -> None:
    def telling(name: str) -> None:
        with engine.connect() as connection:
            for _ in range(5):
                count(connection, [seen(1, 1, route=f"default/r{number}") for number in range(20)], worker=name)

    at_once([lambda name=name: telling(name) for name in ("w1", "w2", "w3", "w4")])  # type: ignore[misc]

    with engine.connect() as connection:
        assert {tally.attempts for tally in tallies(connection)} == {20}


def test_while_it_is_open_nothing_of_the_route_is_given_out_and_everything_of_others(
    connection: Connection, worker: Worker
) -> None:
    stored(connection, *(new_lead(route=route) for route in (ROUTE, OTHER) for _ in range(3)))
    open_breaker(connection, DOWN, worker="w1")

    claimed = worker.claim(routes=[ROUTE, OTHER])

    assert [lead.route for lead in claimed] == [OTHER] * 3
    assert not any(lead.probe for lead in claimed)


def test_waiting_while_it_is_open_uses_up_no_retry_and_no_place(connection: Connection, worker: Worker) -> None:
    stored(connection, count=3)
    before = rows(connection, "SELECT lead_id, due_at, failures, attempts FROM lead_state ORDER BY lead_id")
    open_breaker(connection, DOWN, worker="w1")
    for _ in range(5):
        assert worker.claim() == []

    assert rows(connection, "SELECT lead_id, due_at, failures, attempts FROM lead_state ORDER BY lead_id") == before


def test_after_a_pause_one_lead_is_given_out_as_a_probe(connection: Connection, worker: Worker) -> None:
    lead_ids = stored(connection, count=5)
    open_breaker(connection, DOWN, worker="w1")
    let_time_pass(connection, FIRST_PAUSE)

    [probe] = worker.claim()

    assert (probe.lead_id, probe.probe) == (lead_ids[0], True)
    assert worker.claim() == []


def test_of_many_workers_one_gets_the_probe(engine: Engine, connection: Connection) -> None:
    stored(connection, count=40)
    open_breaker(connection, DOWN, worker="w1")
    let_time_pass(connection, FIRST_PAUSE)

    def claiming(name: str) -> list[Claim]:
        with engine.connect() as mine:
            return [lead for _ in range(5) for lead in Worker(mine, name).claim()]

    claimed = at_once([lambda name=f"w{number}": claiming(name) for number in range(8)])  # type: ignore[misc]

    assert sum(map(len, claimed)) == 1


def test_there_is_no_second_probe_before_the_first_has_ended(connection: Connection, worker: Worker) -> None:
    stored(connection, count=5)
    open_breaker(connection, DOWN, worker="w1")
    let_time_pass(connection, FIRST_PAUSE)
    probe = worker.claim_ready()

    let_time_pass(connection, LONGEST_PAUSE)
    assert worker.claim() == []

    worker.fail(probe, delay=timedelta(hours=1))
    [second] = worker.claim()
    assert second.lead_id != probe.lead_id


def test_a_probe_whose_worker_died_is_followed_by_another_when_its_lease_is_over(
    connection: Connection, worker: Worker
) -> None:
    stored(connection, count=5)
    open_breaker(connection, DOWN, worker="w1")
    let_time_pass(connection, FIRST_PAUSE)
    worker.claim_ready()
    let_time_pass(connection, LONGEST_PAUSE)
    assert worker.claim() == []

    let_leases_run_out(connection)

    assert [lead.probe for lead in worker.claim()] == [True]


def test_the_pause_doubles_with_each_probe_up_to_the_longest(connection: Connection, worker: Worker) -> None:
    stored(connection, count=10)
    open_breaker(connection, DOWN, worker="w1")
    pauses = [open_breakers(connection)[0].probe_in]
    for _ in range(5):
        let_time_pass(connection, LONGEST_PAUSE)
        worker.fail(worker.claim_ready(), delay=timedelta(hours=1))
        pauses.append(open_breakers(connection)[0].probe_in)

    assert [round(pause.total_seconds()) for pause in pauses] == [5, 10, 20, 30, 30, 30]
    [now] = open_breakers(connection)
    assert now.opening.probes == 5


def test_it_may_stay_open_for_years(connection: Connection, worker: Worker) -> None:
    stored(connection)
    open_breaker(connection, DOWN, worker="w1")
    rows(connection, "UPDATE breaker_opening SET probes = 2000000000, probe_at = now()")

    assert len(worker.claim()) == 1
    assert open_breakers(connection)[0].probe_in <= LONGEST_PAUSE


def test_an_answered_probe_closes_it_and_all_is_given_out_again(connection: Connection, worker: Worker) -> None:
    stored(connection, count=5)
    count(connection, [seen(20, 20, leads=10)], worker="w1")
    open_breaker(connection, DOWN, worker="w1")
    let_time_pass(connection, FIRST_PAUSE)
    probe = worker.claim_ready()

    assert close_breakers(connection, [probe_of(probe)], worker="w2") == [ROUTE]

    assert open_breakers(connection) == []
    assert tallies(connection) == []
    assert len(worker.claim()) == 4
    [(closed_by, lasted)] = rows(connection, "SELECT closed_by, closed_at - opened_at FROM breaker_opening")
    assert closed_by == "w2"
    assert lasted >= FIRST_PAUSE


def test_only_the_last_probe_closes_it(connection: Connection, worker: Worker) -> None:
    stored(connection, count=5)
    open_breaker(connection, DOWN, worker="w1")
    let_time_pass(connection, FIRST_PAUSE)
    probe = worker.claim_one()

    assert close_breakers(connection, [Probe(probe.lead_id, probe.token + 1)], worker="w1") == []
    assert close_breakers(connection, [Probe(probe.lead_id + 1, probe.token)], worker="w1") == []
    assert len(open_breakers(connection)) == 1


def test_a_probe_that_was_not_for_the_customer_makes_place_for_another(connection: Connection, worker: Worker) -> None:
    stored(connection, count=5)
    open_breaker(connection, DOWN, worker="w1")
    let_time_pass(connection, FIRST_PAUSE)
    [first] = worker.claim()
    worker.reject(first)

    probe_another(connection, [probe_of(first)])

    [second] = worker.claim()
    assert second.lead_id != first.lead_id
    assert open_breakers(connection)[0].opening.probes == 1


def test_a_probe_that_is_given_back_is_not_tried_again_before_the_next_pause(
    connection: Connection, worker: Worker
) -> None:
    stored(connection)
    open_breaker(connection, DOWN, worker="w1")
    let_time_pass(connection, FIRST_PAUSE)
    probe = worker.claim_ready()
    worker.finish(Released(probe.lead_id, probe.token, CONFIG))

    assert worker.claim() == []
    let_time_pass(connection, 2 * FIRST_PAUSE)
    assert len(worker.claim()) == 1


def test_a_route_without_a_due_lead_keeps_its_probe_for_the_next_one(connection: Connection, worker: Worker) -> None:
    open_breaker(connection, DOWN, worker="w1")
    let_time_pass(connection, FIRST_PAUSE)
    assert worker.claim() == []
    stored(connection)

    assert [lead.probe for lead in worker.claim()] == [True]


def test_of_two_workers_that_open_it_one_does(engine: Engine) -> None:
    def opening(name: str) -> bool:
        with engine.connect() as connection:
            return open_breaker(connection, DOWN, worker=name)

    assert sorted(at_once([lambda: opening("w1"), lambda: opening("w2")])) == [False, True]


def test_each_opening_is_kept_with_its_reason(connection: Connection, worker: Worker) -> None:
    stored(connection, count=5)
    for failures in (19, 20):
        open_breaker(connection, Tally(ROUTE, 20, failures, 10), worker="w1")
        let_time_pass(connection, FIRST_PAUSE)
        close_breakers(connection, [probe_of(worker.claim_one())], worker="w1")

    kept = "SELECT attempts, failures, leads, opened_by, closed_at IS NOT NULL FROM breaker_opening ORDER BY opening_id"
    assert rows(connection, kept) == [(20, 19, 10, "w1", True), (20, 20, 10, "w1", True)]


def test_what_still_fails_of_before_the_opening_is_not_counted_against_the_route_again(connection: Connection) -> None:
    open_breaker(connection, DOWN, worker="w1")
    count(connection, [seen(30, 30, leads=10)], worker="w2")

    assert tallies(connection) == []


def opened_and_closed(connection: Connection, *, days_ago: int) -> None:
    """An opening that ended that long ago."""
    open_breaker(connection, DOWN, worker="w1")
    rows(
        connection,
        "UPDATE breaker_opening SET opened_at = now() - %(ago)s, closed_at = now() - %(ago)s, closed_by = 'w1'"
        " WHERE closed_at IS NULL",
        {"ago": timedelta(days=days_ago)},
    )


def test_openings_that_ended_long_ago_are_removed_the_oldest_first(connection: Connection) -> None:
    for days in (5, 400, 399, 398):
        opened_and_closed(connection, days_ago=days)

    assert remove_openings(connection, older_than=timedelta(days=365), limit=2) == 2
    assert remove_openings(connection, older_than=timedelta(days=365), limit=2) == 1
    left = "SELECT extract(day FROM now() - closed_at)::int FROM breaker_opening"
    assert rows(connection, left) == [(5,)]


def test_a_breaker_that_is_open_is_never_removed_however_long_it_has_been(connection: Connection) -> None:
    open_breaker(connection, DOWN, worker="w1")
    rows(connection, "UPDATE breaker_opening SET opened_at = now() - interval '10 years'")

    assert remove_openings(connection, older_than=timedelta(days=365)) == 0
    assert len(open_breakers(connection)) == 1


def test_the_database_refuses_to_remove_openings_that_ended_less_than_a_day_ago(connection: Connection) -> None:
    with pytest.raises(RowRefused, match="retention_bounds"):
        remove_openings(connection, older_than=timedelta(hours=1))
