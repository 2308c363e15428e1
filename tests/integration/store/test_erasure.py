"""Finding a person in every table, erasing, and proving it."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from leadgateway.person import EmailAddress, Person, PhoneNumber
from leadgateway.store.connection import Connection
from leadgateway.store.erasure import (
    begin_erasure,
    contents_left,
    erase,
    erasures,
    finish_erasure,
    leads_present,
)
from leadgateway.store.errors import RowRefused
from leadgateway.store.execute import rows
from leadgateway.store.intake import Stored, store_batch
from leadgateway.store.outcomes import Delivered
from leadgateway.store.people import ContentsRemoved, replay
from leadgateway.store.rounds import Ready, mark_ready
from leadgateway.store.story import lead_story
from leadgateway.store.traces import Column, find_person
from tests.building.stored_leads import CONFIG, ROUTE, Worker, attempt, new_lead, status_of, steps_of, stored, twin

ANN = EmailAddress.parse("ann@example.com")
PHONE = PhoneNumber.parse("+49 681 123456", "DE")
BODY = b'{"email": "Ann@Example.com", "phone": "0681/123456"}'
OTHERS = b'{"email": "joann@example.com", "phone": "0681/1234567"}'


def everywhere(connection: Connection, worker: Worker) -> int:
    """A lead that has left the person in every table that can hold contents, beside another person's."""
    [lead_id] = stored(
        connection,
        twin(body=BODY, headers={"x-who": "ann@example.com"}, idempotency_key="ann@example.com", route=ROUTE),
    )
    store_batch(connection, [twin(body=b'{"again": "ann@example.com"}', headers={"x-who": "+49 (0)681 123456"})])
    lead = worker.claim_one()
    payload = json.dumps({"to": "ann\u0040example.com", "call": "+49681123456"}).encode()
    mark_ready(
        connection,
        [Ready(lead.lead_id, lead.token, worker.lease, CONFIG, payload, uuid4(), {"a": "ann@example.com"})],
        worker=worker.name,
    )
    answered = attempt(
        response_body=b"hello ann@example.com",
        response_headers={"x-for": "ann@example.com"},
        error="the customer says ann@example.com",
    )
    assert worker.finish(Delivered(lead.lead_id, lead.token, CONFIG, answered))
    rows(
        connection,
        """SET LOCAL leadgateway.retention = 'on';
        UPDATE status_transition SET detail = '{"reason": "ann@example.com called", "due_at": 1}' WHERE seq = 2""",
    )
    stored(connection, new_lead(body=OTHERS, headers={}))
    return lead_id


def erased(connection: Connection, person: Person) -> list[int]:
    """Erase what is found; the ids of the leads."""
    found = find_person(connection, person)
    number = begin_erasure(connection, sought="email", leads=len(found.lead_ids), person="ada")
    done = erase(connection, number, found.lead_ids, person="ada")
    finish_erasure(connection, number, traces_left=find_person(connection, person).count)
    return list(done.done)


def test_a_person_is_found_in_every_table_and_no_other_person_is(connection: Connection, worker: Worker) -> None:
    lead_id = everywhere(connection, worker)

    found = find_person(connection, ANN)

    assert found.lead_ids == [lead_id]
    assert {str(column) for column, count in found.columns.items() if count} == {
        "inbound_lead.body",
        "inbound_lead.headers",
        "duplicate_lead.body",
        "delivery_round.payload",
        "delivery_round.omitted",
        "delivery_attempt.response_body",
        "delivery_attempt.response_headers",
        "delivery_attempt.error",
        "status_transition.detail",
    }
    assert found.rows["inbound_lead"] == 2
    assert found.elsewhere == 0


def test_a_phone_number_is_found_however_it_is_written(connection: Connection, worker: Worker) -> None:
    lead_id = everywhere(connection, worker)

    found = find_person(connection, PHONE)

    assert found.lead_ids == [lead_id]
    assert {str(column) for column, count in found.columns.items() if count} == {
        "inbound_lead.body",
        "duplicate_lead.headers",
        "delivery_round.payload",
    }


@pytest.mark.parametrize(
    "body",
    [
        rb'{"email": "ann\u0040example.com"}',
        rb'{"email": "\u0061nn@example.com"}',
        b'{"text": "caf\xc3\xa9 ann@example.com \xf0\x9f\x98\x80"}',
        b"not JSON \xff\x00 ann@example.com",
        b'{"x": "' + b"x" * 1_000_000 + b' ann@example.com"}',
        rb'{"path": "C:\\ann@example.com"}',
    ],
)
def test_an_address_is_found_in_any_body(connection: Connection, body: bytes) -> None:
    [lead_id] = stored(connection, new_lead(body=body))

    assert find_person(connection, ANN).lead_ids == [lead_id]


@pytest.mark.parametrize(
    "body",
    [
        rb'{"phone": "+49\u00a0681\u00a0123456"}',
        '{"phone": "+49\u00a0681\u00a0123456"}'.encode(),
        rb'{"phone": "\u0030\u0036\u0038\u0031123456"}',
        b'{"phone": 49681123456}',
        rb'{"phone": "0681\/123456"}',
        rb'{"phone": "tel:\\0681 123456"}',
    ],
)
def test_a_number_is_found_in_any_body(connection: Connection, body: bytes) -> None:
    [lead_id] = stored(connection, new_lead(body=body))

    assert find_person(connection, PHONE).lead_ids == [lead_id]


def test_a_table_that_nobody_thought_of_is_searched_too(alterable: Connection) -> None:
    rows(alterable, 'CREATE TABLE "odd % name" ("note %" text[], other jsonb, lead_id bigint)')
    rows(alterable, """INSERT INTO "odd % name" VALUES ('{a,ann@example.com}', '{"a": ["ann@example.com"]}', 7)""")
    rows(
        alterable,
        "CREATE TABLE plain (words varchar(40), number numeric); INSERT INTO plain VALUES ('ann@example.com')",
    )

    found = find_person(alterable, ANN)

    assert (found.lead_ids, found.elsewhere, found.count) == ([7], 1, 3)
    assert found.columns[Column("plain", "words")] == 1


def test_a_large_table_is_read_in_pieces_to_its_end(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadgateway.store.traces._PAGES_AT_ONCE", 3)
    ids = stored(connection, *(new_lead(body=BODY + b" " * 500) for _ in range(200)))
    told: list[tuple[str, int, int]] = []

    found = find_person(connection, ANN, progress=lambda *step: told.append(step))

    assert found.lead_ids == ids
    assert found.rows["inbound_lead"] == 200
    steps = [(done, whole) for table, done, whole in told if table == "inbound_lead"]
    assert len(steps) > 3
    assert steps[-1][0] == steps[-1][1]


def test_nothing_is_left_of_an_erased_lead_but_its_record(connection: Connection, worker: Worker) -> None:
    lead_id = everywhere(connection, worker)

    assert erased(connection, ANN) == [lead_id]

    for person in (ANN, PHONE):
        assert find_person(connection, person).count == 0
    assert rows(connection, "SELECT count(*) FROM lead_key") == [(0,)]
    assert rows(connection, "SELECT dedup_key FROM inbound_lead WHERE body = ''") == [(None,)]
    assert sum(contents_left(connection, [lead_id]).values()) == 0
    story = lead_story(connection, lead_id)
    assert story is not None
    assert (story.contents_removed_by, story.status) == ("erasure", "DELIVERED")
    assert [step.detail for step in story.transitions] == [None, {"due_at": 1}, None]
    assert [each.response_status for each in story.attempts] == [200]


def test_how_far_an_erasure_of_many_leads_is_is_told(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadgateway.store.erasure._LEADS_AT_ONCE", 2)
    ids = stored(connection, count=5)
    told: list[tuple[str, int, int]] = []
    number = begin_erasure(connection, sought="id", leads=5, person="ada")

    done = erase(connection, number, ids, person="ada", progress=lambda *step: told.append(step))

    assert list(done.done) == ids
    assert told == [("leads", 2, 5), ("leads", 4, 5), ("leads", 5, 5)]


def test_the_other_persons_lead_is_whole(connection: Connection, worker: Worker) -> None:
    everywhere(connection, worker)

    erased(connection, ANN)

    assert rows(connection, "SELECT count(*) FROM inbound_lead WHERE body = %(body)s", {"body": OTHERS}) == [(1,)]


def test_a_lead_that_waits_comes_to_an_end_first_and_it_is_recorded(connection: Connection, worker: Worker) -> None:
    received, failed = stored(connection, new_lead(body=BODY), new_lead(body=BODY))
    claimed = {lead.lead_id: lead for lead in worker.claim()}
    worker.mark_ready([claimed[failed]])
    worker.fail(claimed[failed])
    rows(connection, "UPDATE lead_state SET leased_at = NULL, leased_until = NULL, lease_holder = NULL")

    assert erased(connection, ANN) == [received, failed]

    assert steps_of(connection, received) == ["RECEIVED", "REJECTED"]
    assert steps_of(connection, failed)[-1] == "REJECTED"
    last = "SELECT actor, code FROM status_transition WHERE lead_id = %(id)s ORDER BY seq DESC LIMIT 1"
    assert rows(connection, last, {"id": received}) == [("person:ada", "ERASED")]
    assert worker.claim() == []


def test_a_lead_that_a_worker_is_on_keeps_everything_until_that_is_over(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection, new_lead(body=BODY))
    lead = worker.claim_ready()
    number = begin_erasure(connection, sought="email", leads=1, person="ada")

    first = erase(connection, number, [lead_id], person="ada")

    assert (first.done, list(first.in_flight)) == ((), [lead_id])
    assert status_of(connection, lead_id) == "READY"
    worker.deliver(lead)
    assert erase(connection, number, [lead_id], person="ada").done == (lead_id,)


def test_an_erased_lead_is_not_sent_again(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection, new_lead(body=BODY))

    erased(connection, ANN)

    assert replay(connection, [lead_id], person="ada").refused == {lead_id: ContentsRemoved()}


def test_the_same_person_may_come_again(connection: Connection) -> None:
    stored(connection, twin(body=BODY, idempotency_key="k"))
    erased(connection, ANN)

    [answer] = store_batch(connection, [twin(body=BODY, idempotency_key="k")])

    assert isinstance(answer, Stored)


def test_the_fact_is_kept_without_the_data(connection: Connection, worker: Worker) -> None:
    everywhere(connection, worker)
    found = find_person(connection, ANN)
    number = begin_erasure(connection, sought="email", leads=1, person="ada", reference="ticket 4711")
    erase(connection, number, found.lead_ids, person="ada")
    finish_erasure(connection, number, traces_left=0)

    [fact] = erasures(connection)

    assert (fact.actor, fact.sought, fact.reference) == ("person:ada", "email", "ticket 4711")
    assert (fact.leads_found, fact.leads_erased, fact.traces_left) == (1, 1, 0)
    assert fact.finished_at is not None
    assert fact.at <= fact.finished_at


def test_nothing_is_erased_without_being_recorded(connection: Connection) -> None:
    [lead_id] = stored(connection, new_lead(body=BODY))
    number = begin_erasure(connection, sought="email", leads=1, person="ada")
    finish_erasure(connection, number, traces_left=0)

    for which in (number, number + 1):
        with pytest.raises(RowRefused, match="erasure_bounds"):
            rows(connection, "SELECT erase_leads(%(number)s, %(ids)s)", {"number": which, "ids": [lead_id]})
    with pytest.raises(RowRefused, match="erasure_kept"):
        rows(connection, "DELETE FROM erasure")


def test_the_lead_ids_that_there_are(connection: Connection) -> None:
    first, second = stored(connection, count=2)

    assert leads_present(connection, [second, 4711, first]) == [first, second]
