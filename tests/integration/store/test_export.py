"""Reading many leads whole, how routes are doing, and who looked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leadgateway.store import export as exporting
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.errors import StoreError
from leadgateway.store.execute import rows
from leadgateway.store.export import export
from leadgateway.store.looks import Look, record_look
from leadgateway.store.route_state import RouteState, route_states
from leadgateway.store.search import LeadFilter
from leadgateway.store.search_index import catch_up
from tests.building.stored_leads import BODY, ROUTE, Worker, new_lead, stored

HOUR = timedelta(hours=1)


def test_leads_are_read_batch_by_batch_with_a_connection_only_while_reading(
    engine: Engine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_BATCH", 2)
    leads = stored(connection, count=5)
    catch_up(connection)

    used, batches = engine.in_use, []
    for batch in export(engine, LeadFilter(route=ROUTE)):
        assert engine.in_use == used
        batches.append([lead.lead_id for lead in batch])

    assert batches == [leads[:2:-1], leads[2:0:-1], leads[:1]]
    assert next(export(engine, LeadFilter()))[0].body == BODY


def test_routes_say_what_waits_and_what_came_of_their_leads_lately(connection: Connection, worker: Worker) -> None:
    stored(connection, count=3)
    stored(connection, new_lead(route="default/idle"))
    rejected, delivered = worker.claim(2)
    worker.reject(rejected)
    worker.mark_ready([delivered])
    worker.deliver(delivered)

    idle, solar = route_states(connection, recent=HOUR)

    assert (idle.route, idle.waiting, idle.due, idle.delivered) == ("default/idle", 1, 1, 0)
    assert (solar.route, solar.waiting, solar.delivered, solar.rejected, solar.given_up) == (ROUTE, 1, 1, 1, 0)
    assert route_states(connection, recent=timedelta(0))[1].delivered == 0


def test_there_are_no_routes_where_there_are_no_leads(connection: Connection) -> None:
    assert route_states(connection, recent=HOUR) == list[RouteState]()


def test_a_look_is_recorded_and_stays(connection: Connection) -> None:
    record_look(connection, Look("contents", 1, 7), person="ann")

    assert rows(connection, "SELECT actor, kind, leads, lead_id FROM personal_data_look") == [
        ("person:ann", "contents", 1, 7)
    ]
    with pytest.raises(StoreError):
        rows(connection, "DELETE FROM personal_data_look")
