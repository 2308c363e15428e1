"""What retention removes, and what it must leave alone."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from leadgateway.store.claims import Claim
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.errors import RowRefused
from leadgateway.store.execute import rows
from leadgateway.store.intake import store_batch
from leadgateway.store.outcomes import Delivered
from leadgateway.store.people import ContentsRemoved, move, replay
from leadgateway.store.retention import Part, ends, mark_ended, remove
from leadgateway.store.story import lead_story
from tests.building.stored_leads import BODY, CONFIG, ROUTE, Worker, attempt, new_lead, status_of, stored, twin
from tests.building.waiting import eventually

HOUR = timedelta(hours=1)
DAYS = timedelta(days=90)
TABLES = ("inbound_lead", "lead_state", "status_transition", "delivery_round", "delivery_attempt", "duplicate_lead")


def let_time_pass(connection: Connection, past: timedelta) -> None:
    """Make it later, for retention: what ended, ended so much earlier."""
    sql = "UPDATE lead_state SET ended_at = ended_at - %(past)s, updated_at = updated_at - %(past)s"
    rows(connection, sql, {"past": past})


def a_delivered_lead(connection: Connection, worker: Worker) -> int:
    """A lead that came twice and was delivered at the second attempt, with an answer."""
    [lead_id] = stored(connection, twin())
    store_batch(connection, [twin(body=b'{"again": 1}')])
    worker.fail(worker.claim_ready())
    lead = worker.claim_ready()
    answered = attempt(response_body=b"thank you, user@example.com", response_headers={"x-ref": "user@example.com"})
    assert worker.finish(Delivered(lead.lead_id, lead.token, CONFIG, answered))
    return lead_id


def remove_all(connection: Connection, part: Part, *, older_than: timedelta = DAYS, route: str = ROUTE) -> int | None:
    return remove(connection, part, route=route, older_than=older_than, limit=100)


def test_contents_go_and_the_record_stays(connection: Connection, worker: Worker) -> None:
    lead_id = a_delivered_lead(connection, worker)
    before = lead_story(connection, lead_id)
    let_time_pass(connection, DAYS)

    assert remove_all(connection, "contents") == 1

    story = lead_story(connection, lead_id)
    assert story is not None
    assert before is not None
    assert (story.body, dict(story.headers)) == (b"", {})
    assert [(repeat.body, dict(repeat.headers)) for repeat in story.repeats] == [(b"", {})]
    assert [each.payload for each in story.rounds] == [b""]
    assert [(each.response_body, each.response_headers) for each in story.attempts] == [(None, None)] * 2
    assert story.transitions == before.transitions
    assert [each.response_status for each in story.attempts] == [500, 200]
    assert story.contents_removed_by == "retention"
    assert story.contents_removed_at is not None


def test_no_value_of_the_lead_is_left_anywhere(connection: Connection, worker: Worker) -> None:
    a_delivered_lead(connection, worker)
    let_time_pass(connection, DAYS)

    remove_all(connection, "contents")

    for table in TABLES:
        whole = f"SELECT count(*) FROM {table} AS t WHERE convert_from(convert_to(t::text, 'UTF8'), 'UTF8') ~ %(value)s"
        for value in ("user@example", "66123", b"user@example".hex()):
            assert rows(connection, whole, {"value": value}) == [(0,)], (table, value)


def test_the_record_goes_after_its_time_and_leaves_nothing(connection: Connection, worker: Worker) -> None:
    a_delivered_lead(connection, worker)
    let_time_pass(connection, DAYS)
    remove_all(connection, "contents")

    assert remove_all(connection, "records", older_than=2 * DAYS) == 0
    assert remove_all(connection, "records") == 1

    for table in (*TABLES, "lead_key"):
        assert rows(connection, f"SELECT count(*) FROM {table}") == [(0,)], table


def test_a_record_never_goes_before_its_contents(connection: Connection, worker: Worker) -> None:
    a_delivered_lead(connection, worker)
    let_time_pass(connection, DAYS)

    assert remove_all(connection, "records") == 0


def test_a_lead_that_has_not_ended_keeps_everything_however_old(connection: Connection, worker: Worker) -> None:
    received, failed, replayed = stored(connection, count=3)
    worker.fail(next(lead for lead in made_ready(worker) if lead.lead_id == failed), delay=HOUR)
    rows(connection, "UPDATE lead_state SET leased_at = NULL, leased_until = NULL, lease_holder = NULL")
    worker.reject(next(lead for lead in worker.claim() if lead.lead_id == replayed))
    replay(connection, [replayed], person="ann")
    rows(connection, "UPDATE lead_state SET updated_at = updated_at - interval '10 years'")

    assert remove_all(connection, "contents") == 0
    assert remove_all(connection, "records") == 0
    assert {status_of(connection, lead_id) for lead_id in (received, failed, replayed)} <= {
        "RECEIVED",
        "READY",
        "FAILED",
    }


def made_ready(worker: Worker) -> list[Claim]:
    leads = worker.claim()
    worker.mark_ready(leads)
    return leads


def test_leads_of_other_routes_and_younger_ones_stay(connection: Connection, worker: Worker) -> None:
    [old] = stored(connection)
    worker.reject(worker.claim_one())
    let_time_pass(connection, DAYS)
    [young] = stored(connection)
    worker.reject(worker.claim_one())
    [other] = stored(connection, new_lead(route="default/other"))
    worker.reject(worker.claim(routes=["default/other"])[0])

    assert remove_all(connection, "contents") == 1

    kept = [bytes(body) for (body,) in rows(connection, "SELECT body FROM inbound_lead ORDER BY lead_id")]
    assert kept == [b"", BODY, BODY]
    assert [old, young, other] == sorted([old, young, other])


def test_a_batch_takes_the_oldest_and_no_more_than_it_may(connection: Connection, worker: Worker) -> None:
    ids = stored(connection, count=5)
    for lead in worker.claim():
        worker.reject(lead)
    let_time_pass(connection, DAYS)
    rows(
        connection, "UPDATE lead_state SET ended_at = ended_at - interval '1 d' WHERE lead_id = %(id)s", {"id": ids[3]}
    )

    assert remove(connection, "contents", route=ROUTE, older_than=DAYS, limit=1) == 1
    assert rows(connection, "SELECT lead_id FROM inbound_lead WHERE body = ''") == [(ids[3],)]
    assert remove(connection, "contents", route=ROUTE, older_than=DAYS, limit=3) == 3
    assert remove(connection, "contents", route=ROUTE, older_than=DAYS, limit=3) == 1


def test_one_process_removes_at_a_time(engine: Engine, connection: Connection) -> None:
    with engine.connect() as other:
        rows(other, "BEGIN")
        remove_all(other, "contents")

        assert remove_all(connection, "contents") is None
        assert remove_all(connection, "records") is None

        rows(other, "COMMIT")
    assert remove_all(connection, "contents") == 0


@pytest.mark.parametrize("part", ["contents", "records"])
def test_the_database_refuses_to_remove_what_ended_less_than_an_hour_ago(connection: Connection, part: Part) -> None:
    with pytest.raises(RowRefused, match="retention_bounds"):
        remove_all(connection, part, older_than=timedelta(minutes=59))
    with pytest.raises(RowRefused, match="retention_bounds"):
        remove(connection, part, route=ROUTE, older_than=DAYS, limit=5001)


def test_the_ends_of_all_routes_are_found(connection: Connection, worker: Worker) -> None:
    assert ends(connection).routes == []
    a_delivered_lead(connection, worker)
    let_time_pass(connection, DAYS)
    remove_all(connection, "contents")
    stored(connection, new_lead(route="default/b"), new_lead(route="default/waits"), new_lead())
    for lead in worker.claim(routes=["default/b", ROUTE]):
        worker.reject(lead)

    found = ends(connection)

    assert {route.route: (route.contents is None, route.records is None) for route in found.routes} == {
        "default/b": (False, True),
        ROUTE: (False, False),
    }
    times = [time for route in found.routes for time in (route.contents, route.records) if time]
    assert [time > found.now - DAYS for time in times].count(False) == 1


def test_leads_that_ended_before_there_was_retention_are_marked(connection: Connection, worker: Worker) -> None:
    stored(connection, count=3)
    ended, also, _waits = worker.claim()
    worker.reject(ended)
    worker.reject(also)
    rows(connection, "UPDATE lead_state SET ended_at = NULL")

    assert mark_ended(connection, limit=1) == 1
    assert mark_ended(connection, limit=10) == 1
    assert mark_ended(connection, limit=10) == 0
    marked = "SELECT count(*) FROM lead_state WHERE ended_at = updated_at AND due_at IS NULL"
    assert rows(connection, marked) == [(2,)]


@pytest.mark.parametrize("wish", ["replay", "move"])
def test_a_lead_without_contents_is_not_sent_again(connection: Connection, worker: Worker, wish: str) -> None:
    [lead_id] = stored(connection)
    worker.reject(worker.claim_one())
    let_time_pass(connection, DAYS)
    remove_all(connection, "contents")

    if wish == "replay":
        acted = replay(connection, [lead_id], person="ann")
    else:
        acted = move(connection, [lead_id], route="default/b", person="ann")

    assert acted.refused == {lead_id: ContentsRemoved()}
    assert status_of(connection, lead_id) == "REJECTED"


def test_a_replayed_lead_ends_anew(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    worker.reject(worker.claim_one())
    let_time_pass(connection, DAYS)
    replay(connection, [lead_id], person="ann")
    worker.deliver(worker.claim_ready())

    assert remove_all(connection, "contents") == 0


def test_what_comes_again_after_that_is_counted_but_not_kept(connection: Connection, worker: Worker) -> None:
    lead_id = a_delivered_lead(connection, worker)
    let_time_pass(connection, DAYS)
    remove_all(connection, "contents")

    store_batch(connection, [twin(body=b'{"third": "user@example.com"}')])

    story = lead_story(connection, lead_id)
    assert story is not None
    assert [repeat.body for repeat in story.repeats] == [b"", b""]


def test_what_comes_again_while_the_contents_go_is_not_kept_either(engine: Engine, worker: Worker) -> None:
    with engine.connect() as connection, engine.connect() as other:
        lead_id = a_delivered_lead(connection, worker)
        let_time_pass(connection, DAYS)
        rows(other, "BEGIN")
        remove_all(other, "contents")
        coming = threading.Thread(target=store_batch, args=(connection, [twin(body=b'{"third": 1}')]))
        coming.start()
        with engine.connect() as watching:
            eventually(lambda: rows(watching, "SELECT 1 FROM pg_locks WHERE NOT granted"))
        rows(other, "COMMIT")
        coming.join()

        story = lead_story(connection, lead_id)
        assert story is not None
        assert [repeat.body for repeat in story.repeats] == [b"", b""]


def test_removing_reads_no_table_as_a_whole(connection: Connection, worker: Worker) -> None:
    stored(connection, count=300)
    for lead in worker.claim(300):
        worker.reject(lead)
    let_time_pass(connection, DAYS)
    rows(connection, "ANALYZE")
    scans = "SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname <> 'duplicate_lead'"

    def count() -> int:
        rows(connection, "SELECT pg_stat_force_next_flush()")
        rows(connection, "SELECT pg_stat_clear_snapshot()")
        return int(rows(connection, scans)[0][0])

    before = count()
    ends(connection)
    mark_ended(connection)
    remove_all(connection, "contents")
    remove_all(connection, "records")

    assert count() == before
