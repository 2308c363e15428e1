"""Finding leads, and the index they are found by."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from leadgateway.store import search as searching
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.execute import rows
from leadgateway.store.outcomes import Exhausted
from leadgateway.store.people import move, reject, replay
from leadgateway.store.search import BodyField, InvalidFilter, LeadFilter, Page, count_matching, search
from leadgateway.store.search_index import SETTLED_AFTER, catch_up, index_missed, index_new, index_old
from leadgateway.store.status import LeadStatus
from tests.building.stored_leads import CONFIG, Worker, at_once, attempt, new_lead, stored

OTHER = "default/other"


def lead_of(**body: Any) -> bytes:
    return json.dumps(body).encode()


def put(connection: Connection, *bodies: bytes, **changes: Any) -> list[int]:
    return stored(connection, *(new_lead(body=body, **changes) for body in bodies))


def ids(page: Page) -> list[int]:
    return [lead.lead_id for lead in page.leads]


def found(connection: Connection, limit: int = 50, **wanted: Any) -> list[int]:
    return ids(search(connection, LeadFilter(**wanted), limit=limit))


def by_field(*texts: str) -> dict[str, Any]:
    return {"fields": tuple(map(BodyField.parse, texts))}


def test_the_newest_come_first_a_page_at_a_time_and_newcomers_shift_nothing(connection: Connection) -> None:
    leads = stored(connection, count=5)

    first = search(connection, LeadFilter(), limit=2)
    stored(connection)
    second = search(connection, LeadFilter(), limit=2, before=first.next_before)
    third = search(connection, LeadFilter(), limit=2, before=second.next_before)

    assert [ids(page) for page in (first, second, third)] == [leads[:2:-1], leads[2:0:-1], leads[:1]]
    assert third.next_before is None


def test_a_page_that_ends_with_the_last_lead_says_that_there_is_no_other(connection: Connection) -> None:
    stored(connection, count=2)

    assert search(connection, LeadFilter(), limit=2).next_before is None


def test_leads_are_found_by_route_also_after_a_move(connection: Connection) -> None:
    first, second, third = stored(connection, new_lead(), new_lead(), new_lead(route=OTHER))
    catch_up(connection)
    move(connection, [first], route=OTHER, person="ann")

    assert found(connection, route=OTHER) == [third, first]
    assert found(connection, route="default/solar") == [second]


def test_a_lead_that_is_moved_before_it_is_indexed_is_found_by_route_and_contents(connection: Connection) -> None:
    [lead_id] = put(connection, lead_of(email="ann@example.com"))
    move(connection, [lead_id], route=OTHER, person="ann")

    assert found(connection, route=OTHER, email="ann@example.com") == [lead_id]


def test_leads_are_found_by_where_they_stand(connection: Connection, worker: Worker) -> None:
    given_up, rejected, failed, delivered, waiting = stored(connection, count=5)
    leads = {lead.lead_id: lead for lead in worker.claim(4)}
    worker.reject(leads[rejected], "NO_ROOF")
    worker.mark_ready([leads[lead_id] for lead_id in (given_up, failed, delivered)])
    worker.fail(leads[failed], delay=timedelta(hours=1))
    worker.deliver(leads[delivered])
    worker.finish(Exhausted(given_up, leads[given_up].token, CONFIG, attempt("status", response_status=500)))

    def standing(*statuses: LeadStatus) -> list[int]:
        return found(connection, statuses=frozenset(statuses))

    assert standing(LeadStatus.PERMANENTLY_FAILED) == [given_up]
    assert standing(LeadStatus.REJECTED) == [rejected]
    assert standing(LeadStatus.FAILED, LeadStatus.RECEIVED) == [waiting, failed]
    assert standing(LeadStatus.DELIVERED) == [delivered]
    assert standing(LeadStatus.PERMANENTLY_FAILED, LeadStatus.DELIVERED) == [delivered, given_up]
    assert found(connection, reject_code="NO_ROOF") == [rejected]
    assert found(connection, reject_code="NO_HOUSE") == []


def test_a_lead_that_was_given_up_twice_and_replayed_is_found_where_it_stands(
    connection: Connection, worker: Worker
) -> None:
    [lead_id] = stored(connection)
    for _ in range(2):
        lead = worker.claim_ready()
        worker.finish(Exhausted(lead_id, lead.token, CONFIG, attempt("status", response_status=500)))
        given_up = found(connection, statuses=frozenset({LeadStatus.PERMANENTLY_FAILED}))
        replay(connection, [lead_id], person="ann")

        assert given_up == [lead_id]
        assert found(connection, statuses=frozenset({LeadStatus.PERMANENTLY_FAILED})) == []


def test_leads_are_found_by_when_they_came(connection: Connection) -> None:
    leads = stored(connection, count=4)
    catch_up(connection)
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for hours, lead_id in enumerate(leads):
        at = noon + timedelta(hours=hours)
        rows(
            connection, "UPDATE lead_search SET received_at = %(at)s WHERE lead_id = %(id)s", {"at": at, "id": lead_id}
        )

    assert found(connection, received_from=noon + timedelta(hours=1)) == leads[:0:-1]
    assert found(connection, received_before=noon + timedelta(hours=1)) == leads[:1]
    since, until = noon + timedelta(hours=1), noon + timedelta(hours=3)
    assert found(connection, received_from=since, received_before=until) == leads[2:0:-1]


def test_leads_whose_numbers_and_times_disagree_a_little_are_found_by_time(connection: Connection) -> None:
    leads = stored(connection, count=200)
    catch_up(connection)
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    # Twenty leads a minute, whose order is turned round within five minutes
    at = {lead_id: noon + timedelta(seconds=3 * (n // 100 * 100 + 99 - n % 100)) for n, lead_id in enumerate(leads)}
    for lead_id, moment in at.items():
        change = "UPDATE lead_search SET received_at = %(at)s WHERE lead_id = %(id)s"
        rows(connection, change, {"at": moment, "id": lead_id})

    since, until = noon + timedelta(minutes=2), noon + timedelta(minutes=7)
    meant = sorted((lead_id for lead_id, moment in at.items() if since <= moment < until), reverse=True)

    assert found(connection, 500, received_from=since, received_before=until) == meant


def test_leads_are_found_by_who_they_are_about(connection: Connection) -> None:
    ann, bob, _ = put(
        connection,
        lead_of(email="Ann@Example.com", phone="0681 9876543"),
        lead_of(columns=[{"id": "EMAIL", "value": "bob@example.com"}, {"id": "TEL", "value": "+49 681 9876544"}]),
        lead_of(name="Eve"),
    )

    assert found(connection, email="ann@example.com ") == [ann]
    assert found(connection, email="bob@example.com") == [bob]
    assert found(connection, phone="+49681 9876543") == [ann]
    assert found(connection, phone="0681 9876544") == [bob]
    assert found(connection, email="ann@example.com", phone="0681 9876544") == []


def test_leads_are_found_by_correlation_id(connection: Connection) -> None:
    shared = uuid4()
    first, _, third = stored(connection, new_lead(correlation_id=shared), new_lead(), new_lead(correlation_id=shared))

    assert found(connection, correlation_id=shared) == [third, first]


def test_leads_are_found_by_any_values_of_the_body_together(connection: Connection) -> None:
    roofs = put(connection, *(lead_of(house={"zip": "66123", "roof": flat}) for flat in (True, False)))

    assert found(connection, **by_field("house.zip=66123")) == roofs[::-1]
    assert found(connection, **by_field("house.zip=66123", "house.roof=TRUE")) == [roofs[0]]
    assert found(connection, **by_field("house.zip=6612")) == []


def test_a_value_may_hold_an_equals_sign_and_anything_else(connection: Connection) -> None:
    hostile = "'; DROP TABLE lead_search; -- a=b \x00 %(limit)s"
    [lead_id] = put(connection, lead_of(note=hostile))

    assert found(connection, **by_field(f"note={hostile}")) == [lead_id]


def test_rare_leads_beyond_those_that_are_looked_through_are_found(
    connection: Connection, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "_LOOKED_THROUGH", 3)
    old = put(connection, *[lead_of(zip="66123")] * 3)
    rejected = worker.claim(1)[0]
    worker.reject(rejected)
    stored(connection, *(new_lead() for _ in range(5)))
    [new] = put(connection, lead_of(zip="66123"))

    wanted = LeadFilter(**by_field("zip=66123"))
    first = search(connection, wanted, limit=2)
    second = search(connection, wanted, limit=2, before=first.next_before)

    assert (ids(first), ids(second)) == ([new, old[2]], [old[1], old[0]])
    assert found(connection, statuses=frozenset({LeadStatus.REJECTED})) == [rejected.lead_id]
    assert count_matching(connection, wanted) == 4


def test_leads_are_found_by_their_contents_in_every_stretch_of_numbers(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "_LOOKED_THROUGH", 1)  # the rest is looked up in the index
    leads = []
    for number in (1, 131_070, 131_072, 5 * 131_072 + 7):
        rows(connection, "SELECT setval('lead_id_seq', %(number)s, false)", {"number": number})
        leads += put(connection, lead_of(email="ann@example.com", phone="0681 9876543", zip="66123"))
        put(connection, lead_of(email="bob@example.com", phone="0681 9876544", zip="66124"))

    for wanted in ({"email": "ann@example.com"}, {"phone": "+496819876543"}, by_field("zip=66123")):
        assert found(connection, **wanted) == leads[::-1]
    assert found(connection, email="ann@example.com", **by_field("zip=66124")) == []
    assert count_matching(connection, LeadFilter(email="ann@example.com", phone="0681 9876543")) == 4


@pytest.mark.parametrize("lead_id", [1, 131_071, 131_072, 2**36])
def test_terms_stand_with_those_of_leads_with_numbers_near(connection: Connection, lead_id: int) -> None:
    terms = [-5, 7, 2**62 + 3]
    parameters = {"lead_id": lead_id, "terms": terms}

    [(keys,)] = rows(connection, "SELECT search_keys(%(lead_id)s, %(terms)s::bigint[])", parameters)

    assert keys == [lead_id // 131_072 * 2**43 + term % 2**43 for term in terms]


def test_what_is_found_says_where_it_stands_and_nothing_of_its_contents(connection: Connection, worker: Worker) -> None:
    put(connection, lead_of(email="marked@example.com"))
    worker.fail(worker.claim_ready(), delay=timedelta(hours=1))

    [lead] = search(connection, LeadFilter(email="marked@example.com")).leads

    assert (lead.status, lead.failures, lead.attempts, lead.last_response_status) == (LeadStatus.FAILED, 1, 1, 500)
    assert lead.due_at is not None
    assert "marked" not in repr(lead)
    assert "marked" not in repr(LeadFilter(email="marked@example.com", fields=(BodyField("a", "marked"),)))


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("email", {"email": "ann"}),
        ("phone", {"phone": "secret"}),
        ("received_from", {"received_from": datetime(2026, 3, 1)}),  # noqa: DTZ001
        (
            "received_before",
            {"received_from": datetime.now(UTC), "received_before": datetime.now(UTC) - timedelta(days=1)},
        ),
        ("field", {"fields": (BodyField("a", "b"),) * 11}),
    ],
)
def test_a_filter_that_can_find_nothing_is_refused_by_its_field(field: str, wanted: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilter) as refused:
        LeadFilter(**wanted)

    assert refused.value.field == field
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("text", ["zip", "=66123", "", f"zip={'6' * 257}", f"{'z' * 257}=6"])
def test_what_is_no_value_of_a_body_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilter):
        BodyField.parse(text)


@pytest.mark.parametrize("limit", [0, 501])
def test_the_size_of_a_page_is_bounded(connection: Connection, limit: int) -> None:
    with pytest.raises(InvalidFilter, match="limit"):
        search(connection, LeadFilter(), limit=limit)


def test_leads_are_indexed_once_in_batches(connection: Connection) -> None:
    stored(connection, count=5)

    assert [index_new(connection, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert rows(connection, "SELECT count(*) FROM lead_search") == [(5,)]


def test_whoever_indexes_many_leads_lets_others_have_the_processor_in_between(connection: Connection) -> None:
    stored(connection, count=100)
    breaths: list[int] = []

    index_new(connection, breathe=lambda: breaths.append(1))

    assert len(breaths) >= 10


def test_a_search_says_when_not_all_that_is_new_is_indexed_yet(connection: Connection) -> None:
    stored(connection, *(new_lead() for _ in range(501)))

    assert not catch_up(connection, at_most=500)
    assert catch_up(connection, at_most=500)
    assert search(connection, LeadFilter()).is_complete


def test_a_lead_that_is_committed_after_later_ones_were_indexed_is_found(
    engine: Engine, connection: Connection
) -> None:
    with engine.connect() as slow:
        rows(slow, "BEGIN")
        [late] = put(slow, lead_of(email="late@example.com"))
        [early] = put(connection, lead_of(email="early@example.com"))
        assert found(connection) == [early]
        rows(slow, "COMMIT")

    assert found(connection, email="late@example.com") == []
    assert index_missed(connection) == 1
    assert found(connection, email="late@example.com") == [late]
    assert index_missed(connection) == 0


def test_leads_of_a_process_that_died_while_it_indexed_are_found(connection: Connection) -> None:
    leads = stored(connection, count=3)
    rows(connection, "UPDATE search_progress SET read_up_to = %(last)s", {"last": leads[-1]})

    assert index_missed(connection) == 3
    assert found(connection) == leads[::-1]


def test_what_is_old_enough_is_not_looked_through_again(connection: Connection) -> None:
    leads = stored(connection, count=3)
    catch_up(connection)
    index_missed(connection)
    assert rows(connection, "SELECT settled_up_to FROM search_progress") == [(0,)]

    age = "SET LOCAL leadgateway.retention = 'on'; UPDATE inbound_lead SET received_at = now() - %(age)s"
    rows(connection, age, {"age": SETTLED_AFTER * 2})
    index_missed(connection)

    assert rows(connection, "SELECT settled_up_to FROM search_progress") == [(leads[-1],)]


def test_leads_from_before_the_index_are_indexed_from_the_newest_on(connection: Connection) -> None:
    leads = stored(connection, count=5)
    rows(
        connection,
        "UPDATE search_progress SET read_up_to = %(last)s, settled_up_to = %(last)s, backfilled_down_to = %(last)s",
        {"last": leads[-1]},
    )
    [new] = stored(connection)

    assert not search(connection, LeadFilter()).is_complete
    assert index_old(connection, limit=2) == 2
    assert found(connection) == [new, *leads[:2:-1]]
    assert [index_old(connection, limit=2) for _ in range(3)] == [2, 1, 0]
    assert found(connection) == [new, *leads[::-1]]
    assert search(connection, LeadFilter()).is_complete


def test_several_processes_index_side_by_side(engine: Engine, connection: Connection) -> None:
    leads = stored(connection, *(new_lead() for _ in range(300)))

    def index() -> int:
        with engine.connect() as other:
            return sum(iter(lambda: index_new(other, limit=20), 0))

    assert sum(at_once([index] * 4)) == 300
    assert found(connection, 500) == leads[::-1]


def emptied(connection: Connection, lead_ids: Iterable[int]) -> None:
    rows(connection, "SELECT empty_leads(%(ids)s, 'erasure')", {"ids": list(lead_ids)})


def test_a_lead_whose_contents_are_removed_is_found_by_its_record_alone(connection: Connection) -> None:
    [lead_id] = put(connection, lead_of(email="ann@example.com"))
    catch_up(connection)
    reject(connection, [lead_id], code="SPAM", person="ann")

    emptied(connection, [lead_id])

    assert found(connection, email="ann@example.com") == []
    assert found(connection, reject_code="SPAM") == [lead_id]
    assert rows(connection, "SELECT terms FROM lead_search") == [([],)]


def test_contents_that_are_removed_before_they_are_indexed_leave_no_trace(connection: Connection) -> None:
    [lead_id] = put(connection, lead_of(email="ann@example.com"))
    emptied(connection, [lead_id])

    assert found(connection, email="ann@example.com") == []
    assert found(connection) == [lead_id]


def test_a_lead_whose_record_is_removed_is_no_longer_found(connection: Connection) -> None:
    leads = stored(connection, count=2)
    catch_up(connection)

    rows(connection, "SELECT delete_leads(%(ids)s)", {"ids": leads[:1]})

    assert found(connection) == leads[1:]
    assert rows(connection, "SELECT count(*) FROM lead_search") == [(1,)]
