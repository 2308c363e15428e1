"""Acts on many leads at once."""

from __future__ import annotations

import pytest

from leadgateway.store import bulk
from leadgateway.store.bulk import BulkAction, BulkKind, BulkState, BulkWish, TooMany, begin, bulk_action, cancel, meant
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.errors import RowRefused
from leadgateway.store.execute import rows
from leadgateway.store.people import replay
from leadgateway.store.search import LeadFilter
from leadgateway.store.status import LeadStatus
from leadgateway.store.story import lead_story
from tests.building.stored_leads import ROUTE, Worker, at_once, new_lead, status_of, stored

REPLAY = BulkWish(BulkKind.REPLAY, "the customer is back")


@pytest.fixture
def rejected(connection: Connection, worker: Worker) -> list[int]:
    """Seven leads that were rejected, beside one that waits."""
    leads = stored(connection, count=7)
    for lead in worker.claim():
        worker.reject(lead)
    stored(connection)
    return leads


def begun(connection: Connection, leads: LeadFilter, wish: BulkWish = REPLAY) -> BulkAction:
    return begin(connection, meant(connection, leads, wish), wish, person="ann")


def progress(connection: Connection, action: BulkAction) -> BulkAction:
    found = bulk_action(connection, action.action_id)
    assert found is not None
    return found


def test_a_dry_run_names_the_leads_that_it_can_be_done_to(connection: Connection, rejected: list[int]) -> None:
    assert meant(connection, LeadFilter(), REPLAY) == rejected[::-1]
    assert meant(connection, LeadFilter(statuses=frozenset({LeadStatus.DELIVERED})), REPLAY) == []
    assert {status_of(connection, lead_id) for lead_id in rejected} == {"REJECTED"}


def test_an_act_is_carried_out_a_few_leads_at_a_time_and_says_how_far_it_is(
    connection: Connection, rejected: list[int]
) -> None:
    action = begun(connection, LeadFilter(route=ROUTE))
    assert (action.state, action.total, action.processed) == (BulkState.RUNNING, 7, 0)

    bulk.advance(connection, limit=3)
    halfway = progress(connection, action)
    remaining = [bulk.advance(connection, limit=3) for _ in range(3)]
    done = progress(connection, action)

    assert (halfway.state, halfway.processed, halfway.done) == (BulkState.RUNNING, 3, 3)
    assert remaining == [3, 1, 0]
    assert (done.state, done.processed, done.done, done.refused) == (BulkState.DONE, 7, 7, 0)
    assert done.finished_at is not None
    assert {status_of(connection, lead_id) for lead_id in rejected} == {"RECEIVED"}


def test_each_lead_tells_who_did_it_and_why(connection: Connection, rejected: list[int]) -> None:
    action = begun(connection, LeadFilter())
    bulk.advance(connection)

    story = lead_story(connection, rejected[0])

    assert story is not None
    assert story.transitions[-1].actor == "person:ann"
    assert story.transitions[-1].detail == {"reason": f"bulk action {action.action_id}: the customer is back"}


def test_leads_that_changed_meanwhile_are_refused_and_leads_that_came_meanwhile_are_left_alone(
    connection: Connection, worker: Worker, rejected: list[int]
) -> None:
    action = begun(connection, LeadFilter())
    replay(connection, rejected[:2], person="ben")
    [late] = stored(connection, new_lead(route="default/late"))
    worker.reject(worker.claim(routes=["default/late"])[0])

    bulk.advance(connection)

    assert (progress(connection, action).done, progress(connection, action).refused) == (5, 2)
    assert status_of(connection, late) == "REJECTED"


def test_an_act_that_is_called_off_ends_where_it_is(connection: Connection, rejected: list[int]) -> None:
    action = begun(connection, LeadFilter())
    bulk.advance(connection, limit=2)

    cancelled = cancel(connection, action.action_id, person="ben")

    assert cancelled is not None
    assert (cancelled.state, cancelled.done, cancelled.cancelled_by) == (BulkState.CANCELLED, 2, "person:ben")
    assert bulk.advance(connection) == 0
    assert [status_of(connection, lead_id) for lead_id in rejected].count("REJECTED") == 5
    assert cancel(connection, action.action_id, person="ben") is None


def test_several_workers_do_each_lead_once(engine: Engine, connection: Connection, rejected: list[int]) -> None:
    action = begun(connection, LeadFilter())

    def work() -> int:
        with engine.connect() as other:
            done = 0
            while progress(other, action).state is BulkState.RUNNING:
                done += bulk.advance(other, limit=1)
            return done

    assert sum(at_once([work] * 3)) == 7
    assert progress(connection, action).done == 7


def test_an_interrupted_step_is_undone_and_done_by_the_next_worker(
    connection: Connection, rejected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    action = begun(connection, LeadFilter())

    with monkeypatch.context() as dying:
        dying.setattr(bulk, "_PROGRESS", "SELECT 1/0")
        with pytest.raises(RowRefused):
            bulk.advance(connection)

    assert progress(connection, action).processed == 0
    assert {status_of(connection, lead_id) for lead_id in rejected} == {"REJECTED"}
    assert bulk.advance(connection) == 7


def test_leads_are_moved_and_rejected_too(connection: Connection, rejected: list[int]) -> None:
    begun(connection, LeadFilter(), BulkWish(BulkKind.MOVE, route="default/other"))
    bulk.advance(connection)
    begun(connection, LeadFilter(route="default/other"), BulkWish(BulkKind.REJECT, code="SPAM"))
    bulk.advance(connection)

    assert rows(connection, "SELECT DISTINCT route, status, reject_code FROM lead_state") == [
        ("default/other", "REJECTED", "SPAM")
    ]
    assert len(rejected) == 7


def test_an_act_on_nothing_is_done(connection: Connection) -> None:
    assert begun(connection, LeadFilter()).state is BulkState.DONE


def test_too_many_leads_are_refused(
    connection: Connection, rejected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_LEADS", len(rejected) - 1)

    with pytest.raises(TooMany, match="more than 6"):
        meant(connection, LeadFilter(), REPLAY)


@pytest.mark.parametrize(
    "wish", [{"kind": BulkKind.MOVE}, {"kind": BulkKind.REPLAY, "route": "a/b"}, {"kind": BulkKind.REJECT}]
)
def test_a_wish_is_whole(wish: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="if and only if"):
        BulkWish(**wish)  # type: ignore[arg-type]
