"""Deduplication and Idempotency-Key."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from leadgateway.store.arrival import Duplicate, KeyReused, NewLead, Stored
from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows
from leadgateway.store.housekeeping import delete_expired_keys
from leadgateway.store.intake import store_batch
from leadgateway.store.story import lead_story
from tests.building.stored_leads import DAY, Worker, new_lead, stored, twin


def store_one(connection: Connection, lead: NewLead) -> object:
    [answer] = store_batch(connection, [lead])
    return answer


def keys_expire(connection: Connection) -> None:
    rows(connection, "UPDATE lead_key SET expires_at = now()")


class TestDeduplication:
    def test_a_second_lead_with_the_key_is_a_duplicate_that_names_the_first(self, connection: Connection) -> None:
        first = twin()
        [lead_id] = stored(connection, first)

        assert store_one(connection, twin()) == Duplicate(lead_id, first.correlation_id)

    def test_of_equal_leads_in_a_batch_the_first_is_stored(self, connection: Connection) -> None:
        leads = [twin(), new_lead(), twin(), twin()]

        first, other, *rest = store_batch(connection, leads)

        assert isinstance(first, Stored)
        assert isinstance(other, Stored)
        assert rest == [Duplicate(first.lead_id, leads[0].correlation_id)] * 2

    def test_ids_follow_the_order_of_arrival(self, connection: Connection) -> None:
        answers = store_batch(
            connection, [new_lead(), twin(b"b"), new_lead(idempotency_key="k"), twin(b"a"), new_lead()]
        )

        ids = [answer.lead_id for answer in answers if isinstance(answer, Stored)]
        assert len(ids) == 5
        assert ids == sorted(ids)

    def test_what_a_duplicate_said_is_kept(self, connection: Connection) -> None:
        [lead_id] = stored(connection, twin())
        repeated = twin(body=b'{"again": "\\u0000"}', headers={"x-try": "2"})

        store_one(connection, repeated)

        story = lead_story(connection, lead_id)
        assert story is not None
        [repeat] = story.repeats
        assert (repeat.body, repeat.headers) == (repeated.body, repeated.headers)
        assert repeat.correlation_id == repeated.correlation_id

    def test_keys_are_each_routes_own(self, connection: Connection) -> None:
        assert len(stored(connection, twin(), twin(route="default/other"))) == 2

    def test_leads_without_a_key_are_never_duplicates(self, connection: Connection) -> None:
        assert len(stored(connection, count=3)) == 3

    def test_after_the_window_the_same_is_a_new_lead_which_then_holds_the_key(self, connection: Connection) -> None:
        [first] = stored(connection, twin())
        keys_expire(connection)

        second = store_one(connection, twin())
        third = store_one(connection, twin())

        assert isinstance(second, Stored)
        assert second.lead_id != first
        assert third == Duplicate(second.lead_id, second.correlation_id)

    def test_a_rejected_lead_frees_its_key_so_that_a_corrected_one_counts(
        self, connection: Connection, worker: Worker
    ) -> None:
        [lead_id] = stored(connection, twin())
        worker.reject(worker.claim_one())

        corrected = store_one(connection, twin())

        assert isinstance(corrected, Stored)
        assert corrected.lead_id != lead_id

    def test_a_rejected_lead_does_not_free_a_key_that_somebody_else_holds_by_now(
        self, connection: Connection, worker: Worker
    ) -> None:
        stored(connection, twin())
        lead = worker.claim_one()
        keys_expire(connection)
        [later] = stored(connection, twin())
        worker.reject(lead)

        answer = store_one(connection, twin())

        assert isinstance(answer, Duplicate)
        assert answer.lead_id == later

    def test_a_delivered_lead_keeps_its_key(self, connection: Connection, worker: Worker) -> None:
        stored(connection, twin())
        worker.deliver(worker.claim_ready())

        assert isinstance(store_one(connection, twin()), Duplicate)

    def test_a_key_without_a_window_is_a_mistake(self) -> None:
        with pytest.raises(ValueError, match="window"):
            new_lead(dedup_key=b"k")


class TestIdempotencyKey:
    def test_the_same_post_again_is_answered_with_the_first_lead(self, connection: Connection) -> None:
        first = new_lead(idempotency_key="k")
        [lead_id] = stored(connection, first)

        assert store_one(connection, new_lead(idempotency_key="k")) == Duplicate(lead_id, first.correlation_id)

    def test_another_body_under_the_same_key_is_refused(self, connection: Connection) -> None:
        stored(connection, new_lead(idempotency_key="k", body=b"1"))

        assert store_one(connection, new_lead(idempotency_key="k", body=b"2")) == KeyReused()
        assert rows(connection, "SELECT count(*) FROM inbound_lead") == [(1,)]
        assert rows(connection, "SELECT count(*) FROM duplicate_lead") == [(0,)]

    def test_the_same_holds_within_a_batch(self, connection: Connection) -> None:
        bodies = [b"1", b"1", b"2"]

        first, same, other = store_batch(connection, [new_lead(idempotency_key="k", body=body) for body in bodies])

        assert isinstance(first, Stored)
        assert same == Duplicate(first.lead_id, first.correlation_id)
        assert other == KeyReused()

    def test_keys_are_each_routes_own(self, connection: Connection) -> None:
        leads = [new_lead(idempotency_key="k", body=b"1"), new_lead(idempotency_key="k", body=b"2", route="default/b")]

        assert len(stored(connection, *leads)) == 2

    @pytest.mark.parametrize("key", ["", "\x00", "\ud800", "k" * 10_000, "'; DROP TABLE lead_key"])
    def test_any_text_will_do_as_a_key(self, connection: Connection, key: str) -> None:
        stored(connection, new_lead(idempotency_key=key))

        assert isinstance(store_one(connection, new_lead(idempotency_key=key)), Duplicate)

    def test_after_its_window_the_key_names_a_new_post(self, connection: Connection) -> None:
        stored(connection, new_lead(idempotency_key="k", body=b"1"))
        keys_expire(connection)

        assert isinstance(store_one(connection, new_lead(idempotency_key="k", body=b"2")), Stored)
        assert store_one(connection, new_lead(idempotency_key="k", body=b"1")) == KeyReused()

    def test_a_rejected_lead_keeps_its_idempotency_key(self, connection: Connection, worker: Worker) -> None:
        [lead_id] = stored(connection, new_lead(idempotency_key="k"))
        worker.reject(worker.claim_one())

        answer = store_one(connection, new_lead(idempotency_key="k"))

        assert isinstance(answer, Duplicate)
        assert answer.lead_id == lead_id


class TestBothKinds:
    def test_a_post_that_proved_a_duplicate_is_a_duplicate_of_the_same_lead_when_repeated(
        self, connection: Connection
    ) -> None:
        [lead_id] = stored(connection, twin())
        store_one(connection, twin(idempotency_key="k"))
        rows(connection, "DELETE FROM lead_key WHERE kind = 'D'")

        answer = store_one(connection, twin(idempotency_key="k"))

        assert isinstance(answer, Duplicate)
        assert answer.lead_id == lead_id

    def test_the_same_holds_when_all_arrive_in_one_batch(self, connection: Connection) -> None:
        first, *rest = store_batch(connection, [twin(), twin(idempotency_key="k"), twin(idempotency_key="k")])

        assert isinstance(first, Stored)
        assert rest == [Duplicate(first.lead_id, first.correlation_id)] * 2
        assert rows(connection, "SELECT lead_id FROM lead_key WHERE kind = 'I'") == [(first.lead_id,)]

    def test_a_reused_key_takes_no_deduplication_key(self, connection: Connection) -> None:
        stored(connection, new_lead(idempotency_key="k", body=b"1"))
        store_one(connection, twin(idempotency_key="k", body=b"2"))

        assert isinstance(store_one(connection, twin()), Stored)

    def test_no_key_names_a_lead_that_does_not_exist(self, connection: Connection) -> None:
        store_batch(
            connection, [twin(idempotency_key=str(number % 7), body=str(number % 3).encode()) for number in range(40)]
        )

        orphans = "SELECT count(*) FROM lead_key LEFT JOIN inbound_lead USING (lead_id) WHERE inbound_lead IS NULL"
        assert rows(connection, orphans) == [(0,)]


class TestHousekeeping:
    def test_expired_keys_are_deleted_a_few_at_a_time_and_others_kept(self, connection: Connection) -> None:
        stored(connection, *(twin(os.urandom(32), dedup_window=timedelta(0)) for _ in range(5)))
        stored(connection, twin(dedup_window=DAY))

        assert delete_expired_keys(connection, limit=3) == 3
        assert delete_expired_keys(connection, limit=3) == 2
        assert delete_expired_keys(connection, limit=3) == 0
        assert rows(connection, "SELECT count(*) FROM lead_key") == [(1,)]
