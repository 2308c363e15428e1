"""Marking ready and writing results, under a lease and not without."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows
from leadgateway.store.outcomes import (
    Delivered,
    Exhausted,
    Outcome,
    PermanentlyFailed,
    Rejected,
    Released,
    Retry,
    finish,
)
from leadgateway.store.rounds import Ready, mark_ready
from leadgateway.store.story import LeadStory, lead_story
from tests.building.stored_leads import (
    CONFIG,
    PAYLOAD,
    Worker,
    attempt,
    let_leases_run_out,
    status_of,
    steps_of,
    stored,
)

FAILED = attempt("status", response_status=500, response_body=b"oops", error="the customer answered 500")


def told(connection: Connection, lead_id: int) -> LeadStory:
    story = lead_story(connection, lead_id)
    assert story is not None
    return story


def test_marking_ready_stores_what_will_be_sent_before_it_is(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_one()
    key = uuid4()
    ready = Ready(lead_id, lead.token, timedelta(seconds=30), "newer", PAYLOAD, key, {"phone": "missing"})

    started = mark_ready(connection, [ready], worker="w1")

    story = told(connection, lead_id)
    [delivery_round] = story.rounds
    assert (delivery_round.round, delivery_round.payload, delivery_round.idempotency_key) == (1, PAYLOAD, key)
    assert (delivery_round.config_hash, delivery_round.omitted) == ("newer", {"phone": "missing"})
    assert story.transitions[-1].actor == "worker:w1"
    assert story.transitions[-1].config_hash == "newer"
    assert started == {lead_id: story.transitions[-1].at}
    assert story.leased_until == started[lead_id] + timedelta(seconds=30)


def test_a_failed_lead_becomes_ready_with_the_payload_it_had(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    worker.fail(worker.claim_ready())

    worker.claim_ready()

    assert steps_of(connection, lead_id) == ["RECEIVED", "READY", "FAILED", "READY"]
    assert len(told(connection, lead_id).rounds) == 1


def test_a_lead_that_was_ready_already_takes_no_further_step(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    worker.claim_ready()
    let_leases_run_out(connection)

    worker.claim_ready()

    assert steps_of(connection, lead_id) == ["RECEIVED", "READY"]


def test_a_received_lead_does_not_become_ready_without_a_payload(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_one()

    assert mark_ready(connection, [Ready(lead_id, lead.token, worker.lease, CONFIG)], worker="w1") == {}
    assert status_of(connection, lead_id) == "RECEIVED"


def test_a_payload_needs_an_idempotency_key() -> None:
    with pytest.raises(ValueError, match="idempotency key"):
        Ready(1, 1, timedelta(seconds=1), CONFIG, PAYLOAD)


def test_nothing_is_asked_of_the_database_for_nothing(connection: Connection) -> None:
    assert mark_ready(connection, [], worker="w1") == {}
    assert finish(connection, [], worker="w1") == set()


@pytest.mark.parametrize("body", [b"\x00\xff", b'{"a":"\\u0000\\ud800"}', b"%s '\\"])
def test_a_payload_is_kept_byte_for_byte(connection: Connection, worker: Worker, body: bytes) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_one()

    mark_ready(connection, [Ready(lead_id, lead.token, worker.lease, CONFIG, body, uuid4())], worker="w1")

    assert told(connection, lead_id).rounds[0].payload == body


def test_a_delivered_lead_has_its_attempt_and_is_at_its_end(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_ready()
    done = attempt(response_body=b'{"ok": true}', response_headers={"x-id": "7"})

    assert worker.finish(Delivered(lead_id, lead.token, CONFIG, done)) == {lead_id}

    story = told(connection, lead_id)
    assert (story.status, story.due_at, story.leased_until, story.lease_holder) == ("DELIVERED", None, None, None)
    [made] = story.attempts
    assert (made.number, made.round, made.kind, made.response_status) == (1, 1, "delivered", 200)
    assert (made.request_body, made.response_body) == (PAYLOAD, b'{"ok": true}')
    assert (made.response_headers, made.started_at, made.duration_ms) == ({"x-id": "7"}, done.started_at, 12)
    assert (made.worker, made.config_hash, made.error) == ("w1", CONFIG, None)
    assert steps_of(connection, lead_id) == ["RECEIVED", "READY", "DELIVERED"]


def test_a_retry_is_due_after_its_delay_by_the_databases_clock(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_ready()

    worker.finish(Retry(lead_id, lead.token, CONFIG, FAILED, timedelta(seconds=30)))

    story = told(connection, lead_id)
    failed = story.transitions[-1]
    assert (story.status, story.failures, failed.code) == ("FAILED", 1, "status")
    assert story.due_at == failed.at + timedelta(seconds=30)
    assert failed.detail is not None
    assert "due_at" in failed.detail


def test_exhausted_retries_are_two_steps_so_that_the_last_failure_shows(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_ready()

    worker.finish(Exhausted(lead_id, lead.token, CONFIG, FAILED))

    story = told(connection, lead_id)
    assert steps_of(connection, lead_id) == ["RECEIVED", "READY", "FAILED", "PERMANENTLY_FAILED"]
    assert [step.code for step in story.transitions] == [None, None, "status", "RETRIES_EXHAUSTED"]
    assert story.transitions[-1].from_status == "FAILED"
    assert (story.failures, story.due_at, len(story.attempts)) == (1, None, 1)


def test_a_permanent_failure_is_one_step(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_ready()

    worker.finish(PermanentlyFailed(lead_id, lead.token, CONFIG, FAILED, "HTTP_400", {"status": 400}))

    story = told(connection, lead_id)
    assert steps_of(connection, lead_id) == ["RECEIVED", "READY", "PERMANENTLY_FAILED"]
    assert (story.transitions[-1].code, story.transitions[-1].detail) == ("HTTP_400", {"status": 400})


def test_a_lead_that_can_not_be_processed_fails_without_an_attempt(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_one()

    worker.finish(PermanentlyFailed(lead_id, lead.token, CONFIG, None, "DEFECT"))

    assert steps_of(connection, lead_id) == ["RECEIVED", "PERMANENTLY_FAILED"]
    assert told(connection, lead_id).attempts == ()


def test_a_rejected_lead_says_why(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_one()

    worker.finish(Rejected(lead_id, lead.token, CONFIG, "ZIP_NOT_66XXX", {"field": "address.zip"}))

    story = told(connection, lead_id)
    assert (story.status, story.reject_code) == ("REJECTED", "ZIP_NOT_66XXX")
    assert (story.transitions[-1].code, story.transitions[-1].detail) == ("ZIP_NOT_66XXX", {"field": "address.zip"})
    assert (story.attempts, story.rounds) == ((), ())


def test_a_lead_given_back_is_due_as_before(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_one()

    worker.finish(Released(lead_id, lead.token, CONFIG))

    story = told(connection, lead_id)
    assert (story.status, story.due_at, story.attempts) == ("RECEIVED", story.received_at, ())
    assert worker.claim_one().token == lead.token + 1


def test_a_lead_given_back_on_its_way_keeps_the_attempt(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_ready()

    worker.finish(Released(lead_id, lead.token, CONFIG, attempt("interrupted", response_status=None)))

    story = told(connection, lead_id)
    assert (story.status, story.failures) == ("READY", 0)
    assert [made.kind for made in story.attempts] == ["interrupted"]


def test_outcomes_of_all_kinds_go_together(connection: Connection, worker: Worker) -> None:
    a, b, c, d, e, f = ids = stored(connection, count=6)
    token = {lead.lead_id: lead.token for lead in worker.claim()}
    worker_ready = [Ready(i, token[i], worker.lease, CONFIG, PAYLOAD, uuid4()) for i in ids[:4]]
    mark_ready(connection, worker_ready, worker="w1")
    outcomes: list[Outcome] = [
        Delivered(a, token[a], CONFIG, attempt()),
        Retry(b, token[b], CONFIG, FAILED, timedelta(seconds=5)),
        Exhausted(c, token[c], CONFIG, FAILED),
        PermanentlyFailed(d, token[d], CONFIG, FAILED, "HTTP_404"),
        Rejected(e, token[e], CONFIG, "NOT_HOMEOWNER"),
        Released(f, token[f], CONFIG),
    ]

    assert worker.finish(*outcomes) == set(ids)

    assert [status_of(connection, i) for i in ids] == [
        "DELIVERED",
        "FAILED",
        "PERMANENTLY_FAILED",
        "PERMANENTLY_FAILED",
        "REJECTED",
        "RECEIVED",
    ]


def test_attempts_and_transitions_are_numbered_without_gaps(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    for _ in range(3):
        worker.fail(worker.claim_ready())
    worker.claim_ready()
    let_leases_run_out(connection)
    worker.deliver(worker.claim_ready())

    story = told(connection, lead_id)
    assert [made.number for made in story.attempts] == [1, 2, 3, 4, 5]
    assert [step.seq for step in story.transitions] == list(range(1, len(story.transitions) + 1))
    assert all(step.at >= before.at for before, step in zip(story.transitions, story.transitions[1:], strict=False))
    assert all(
        step.from_status == before.to_status
        for before, step in zip(story.transitions, story.transitions[1:], strict=False)
    )


def test_only_the_first_4_kib_of_an_answer_are_kept(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_ready()

    worker.finish(Delivered(lead_id, lead.token, CONFIG, attempt(response_body=b"x" * 10_000)))

    assert told(connection, lead_id).attempts[0].response_body == b"x" * 4096


def test_what_text_can_not_hold_is_replaced_in_sentences(connection: Connection, worker: Worker) -> None:
    [lead_id] = stored(connection)
    lead = worker.claim_ready()
    odd = attempt("protocol", error="a\x00b\ud800", response_headers={"x": "\x00"})

    worker.finish(
        PermanentlyFailed(lead_id, lead.token, CONFIG, odd, "HTTP_400", {"a\x00": ["\ud800", {"b": "\x00"}, 1, None]})
    )

    story = told(connection, lead_id)
    assert (story.attempts[0].error, story.attempts[0].response_headers) == ("a\ufffdb\ufffd", {"x": "\x00"})
    assert story.transitions[-1].detail == {"a\ufffd": ["\ufffd", {"b": "\ufffd"}, 1, None]}


class TestFencing:
    """A worker whose lease has gone to somebody else changes nothing."""

    @pytest.fixture
    def lost(self, connection: Connection, worker: Worker) -> tuple[int, int]:
        """A lead that was ready at `w1`, and is claimed by `w2` since: its id and the lost token."""
        [lead_id] = stored(connection)
        lead = worker.claim_ready()
        let_leases_run_out(connection)
        assert Worker(connection, "w2").claim_ready().lead_id == lead_id
        return lead_id, lead.token

    def test_it_may_not_send(self, connection: Connection, lost: tuple[int, int]) -> None:
        lead_id, token = lost
        before = told(connection, lead_id)

        assert mark_ready(connection, [Ready(lead_id, token, timedelta(hours=1), CONFIG)], worker="w1") == {}
        assert told(connection, lead_id) == before

    @pytest.mark.parametrize("kind", [Delivered, Retry, Exhausted, PermanentlyFailed, Rejected, Released])
    def test_it_writes_no_result(
        self, connection: Connection, worker: Worker, lost: tuple[int, int], kind: type[Outcome]
    ) -> None:
        lead_id, token = lost
        before = told(connection, lead_id)
        outcomes: dict[type[Outcome], Outcome] = {
            Delivered: Delivered(lead_id, token, CONFIG, attempt()),
            Retry: Retry(lead_id, token, CONFIG, FAILED, timedelta(0)),
            Exhausted: Exhausted(lead_id, token, CONFIG, FAILED),
            PermanentlyFailed: PermanentlyFailed(lead_id, token, CONFIG, FAILED, "HTTP_400"),
            Rejected: Rejected(lead_id, token, CONFIG, "X"),
            Released: Released(lead_id, token, CONFIG, attempt()),
        }

        assert worker.finish(outcomes[kind]) == set()
        assert told(connection, lead_id) == before

    def test_the_others_of_its_batch_are_written(
        self, connection: Connection, worker: Worker, lost: tuple[int, int]
    ) -> None:
        lead_id, token = lost
        [other_id] = stored(connection)
        other = worker.claim_ready()

        written = worker.finish(
            Delivered(lead_id, token, CONFIG, attempt()), Delivered(other_id, other.token, CONFIG, attempt())
        )

        assert written == {other_id}

    def test_the_new_holder_writes(self, connection: Connection, lost: tuple[int, int]) -> None:
        lead_id, token = lost

        written = Worker(connection, "w2").finish(Delivered(lead_id, token + 1, CONFIG, attempt()))

        assert written == {lead_id}

    def test_a_token_that_repeats_after_a_failover_is_worth_nothing_to_another_worker(
        self, connection: Connection, lost: tuple[int, int]
    ) -> None:
        # A standby that was promoted without the last commits gives the same token out again
        lead_id, token = lost

        assert Worker(connection, "w3").finish(Delivered(lead_id, token + 1, CONFIG, attempt())) == set()

    def test_a_lease_that_ran_out_but_passed_to_nobody_still_counts(
        self, connection: Connection, worker: Worker
    ) -> None:
        [lead_id] = stored(connection)
        lead = worker.claim_ready()
        let_leases_run_out(connection)

        worker.deliver(lead)

        assert status_of(connection, lead_id) == "DELIVERED"

    def test_a_result_is_written_once(self, connection: Connection, worker: Worker) -> None:
        [lead_id] = stored(connection)
        lead = worker.claim_ready()
        outcome = Delivered(lead_id, lead.token, CONFIG, attempt())

        assert worker.finish(outcome) == {lead_id}
        assert worker.finish(outcome) == set()
        assert rows(connection, "SELECT count(*) FROM delivery_attempt") == [(1,)]
