"""Storing leads in batches."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from leadgateway.store.arrival import Refused, Stored
from leadgateway.store.connection import Connection
from leadgateway.store.errors import StoreError
from leadgateway.store.execute import rows
from leadgateway.store.intake import store_batch
from leadgateway.store.story import lead_story
from tests.building.stored_leads import CONFIG, ROUTE, new_lead, steps_of, stored, twin

HOSTILE_BODIES = [
    b"",
    b"\x00",
    b'{"a": "\\u0000"}',
    b'{"a": "\\ud800"}',
    b"\xff\xfe",
    b"%(body)s %s",
    b"'\"\\{},",
    b"x" * 300_000,
]


def test_an_empty_batch_asks_nothing_of_the_database(connection: Connection) -> None:
    assert store_batch(connection, []) == []


def test_each_lead_of_a_batch_is_stored_in_its_order(connection: Connection) -> None:
    leads = [new_lead(body=str(number).encode()) for number in range(50)]

    answers = store_batch(connection, leads)

    assert [answer.correlation_id for answer in answers if isinstance(answer, Stored)] == [
        lead.correlation_id for lead in leads
    ]
    bodies: dict[int, bytes] = dict(rows(connection, "SELECT lead_id, body FROM inbound_lead"))
    assert [bytes(bodies[answer.lead_id]) for answer in answers if isinstance(answer, Stored)] == [
        lead.body for lead in leads
    ]


def test_a_stored_lead_is_received_due_at_once_and_has_its_first_transition(connection: Connection) -> None:
    [lead_id] = stored(connection)

    story = lead_story(connection, lead_id)

    assert story is not None
    assert (story.status, story.route, story.round, story.failures) == ("RECEIVED", ROUTE, 1, 0)
    assert story.due_at == story.received_at
    [first] = story.transitions
    assert (first.seq, first.from_status, first.to_status) == (1, None, "RECEIVED")
    assert (first.actor, first.config_hash, first.at) == ("webhook", CONFIG, story.received_at)


@pytest.mark.parametrize("body", HOSTILE_BODIES, ids=lambda body: repr(body[:20]))
def test_a_body_is_kept_byte_for_byte(connection: Connection, body: bytes) -> None:
    [lead_id] = stored(connection, new_lead(body=body))

    [(kept,)] = rows(connection, "SELECT body FROM inbound_lead WHERE lead_id = %(id)s", {"id": lead_id})
    assert bytes(kept) == body


def test_headers_keep_what_text_and_jsonb_can_not_hold(connection: Connection) -> None:
    headers = {"x-nul": "a\x00b", "x-surrogate": "\ud800", "x-quotes": "\"'\\{}", "x-umlaut": "ü€😀"}

    [lead_id] = stored(connection, new_lead(headers=headers))

    [(kept,)] = rows(connection, "SELECT headers::text FROM inbound_lead WHERE lead_id = %(id)s", {"id": lead_id})
    assert json.loads(kept) == headers


def test_correlation_ids_need_not_be_unique(connection: Connection) -> None:
    shared = uuid4()

    assert len(set(stored(connection, new_lead(correlation_id=shared), new_lead(correlation_id=shared)))) == 2


def test_a_lead_that_the_database_refuses_does_not_harm_its_neighbours(alterable: Connection) -> None:
    rows(alterable, "ALTER TABLE inbound_lead ADD CONSTRAINT no_bad_ones CHECK (body <> 'bad')")
    leads = [new_lead(body=b"bad" if number in {7, 31} else b"good") for number in range(50)]

    answers = store_batch(alterable, leads)

    assert [index for index, answer in enumerate(answers) if isinstance(answer, Refused)] == [7, 31]
    assert sum(isinstance(answer, Stored) for answer in answers) == 48
    assert rows(alterable, "SELECT count(*) FROM lead_state") == [(48,)]


def test_a_refused_lead_with_a_key_leaves_the_key_to_the_next_one(alterable: Connection) -> None:
    rows(alterable, "ALTER TABLE inbound_lead ADD CONSTRAINT no_bad_ones CHECK (body <> 'bad')")

    answers = store_batch(alterable, [twin(body=b"bad"), twin(body=b"good"), new_lead()])

    assert [type(answer) for answer in answers] == [Refused, Stored, Stored]


def test_what_a_refusal_says_repeats_nothing_of_the_lead(alterable: Connection) -> None:
    rows(alterable, "ALTER TABLE inbound_lead ADD CONSTRAINT no_bad_ones CHECK (body <> 'secret')")

    [answer] = store_batch(alterable, [new_lead(body=b"secret", headers={"x": "secret"})])

    assert isinstance(answer, Refused)
    assert answer.error.constraint == "no_bad_ones"
    assert answer.error.sqlstate == "23514"
    assert "secret" not in str(answer.error)
    assert b"secret".hex() not in str(answer.error)
    assert answer.error.__suppress_context__


def test_a_failure_that_is_no_leads_fault_is_raised_and_stores_nothing(alterable: Connection) -> None:
    rows(alterable, "ALTER TABLE status_transition RENAME TO elsewhere")

    with pytest.raises(StoreError):
        store_batch(alterable, [new_lead(), twin()])

    assert rows(alterable, "SELECT count(*) FROM inbound_lead") == [(0,)]
    assert rows(alterable, "SELECT count(*) FROM lead_key") == [(0,)]


def test_the_connection_is_usable_after_a_refusal(alterable: Connection) -> None:
    rows(alterable, "ALTER TABLE inbound_lead ADD CONSTRAINT no_bad_ones CHECK (body <> 'bad')")

    store_batch(alterable, [twin(body=b"bad")])

    [lead_id] = stored(alterable)
    assert steps_of(alterable, lead_id) == ["RECEIVED"]


def test_ids_beyond_31_bits_are_ordinary(connection: Connection) -> None:
    rows(connection, "SELECT setval('lead_id_seq', (2 ^ 40)::bigint)")

    assert stored(connection) == [2**40 + 1]


def test_a_batch_without_keys_is_one_commit_for_all(connection: Connection) -> None:
    stored(connection, count=100)

    assert rows(connection, "SELECT count(DISTINCT xmin::text) FROM inbound_lead") == [(1,)]
