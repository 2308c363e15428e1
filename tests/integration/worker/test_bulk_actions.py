"""The worker carries out what people do to many leads."""

from __future__ import annotations

from leadgateway.store.bulk import BulkKind, BulkState, BulkWish, begin, bulk_action
from leadgateway_worker.bulk_actions import bulk_actions
from tests.building.pump import engine_of, leads_in
from tests.building.stored_leads import status_of


def test_what_is_to_be_done_to_many_leads_is_carried_out_and_the_pump_is_woken(database_url: str) -> None:
    engine = engine_of(database_url, connections=2)
    woken: list[None] = []
    with leads_in(database_url) as leads, engine.connect() as connection:
        numbers = [leads.put_one() for _ in range(5)]
        action = begin(connection, numbers, BulkWish(BulkKind.REJECT, code="SPAM"), person="ann")

        for _ in bulk_actions(engine, progressed=lambda: woken.append(None)):
            assert bulk_action(connection, action.action_id) is not None

        done = bulk_action(connection, action.action_id)
        assert {status_of(connection, number) for number in numbers} == {"REJECTED"}

    engine.dispose()
    assert done is not None
    assert (done.state, done.done, len(woken)) == (BulkState.DONE, 5, 1)
