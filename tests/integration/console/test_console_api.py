"""The admin API: a real console process, asked over HTTP."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from leadgateway.store import bulk
from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows
from tests.building.console import TOKEN, VIEWER_TOKEN, ConsoleProcess
from tests.building.stored_leads import ROUTE, Worker, new_lead, status_of, stored

ELSEWHERE = "default/elsewhere"


@pytest.fixture
def api(console: ConsoleProcess) -> Iterator[httpx.Client]:
    """Somebody who may act."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=f"{console.url}/api/v1", headers=headers, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def route() -> str:
    """A route of this test's own, so that tests don't find each other's leads."""
    return f"default/{uuid4().hex[:12]}"


def rejected(connection: Connection, route: str, count: int = 1) -> list[int]:
    leads = stored(connection, *(new_lead(route=route) for _ in range(count)))
    worker = Worker(connection)
    for lead in worker.claim(routes=[route]):
        worker.reject(lead, "NO_ROOF")
    return leads


def looks(connection: Connection) -> list[tuple[Any, ...]]:
    asked = "SELECT actor, kind, leads, lead_id FROM personal_data_look ORDER BY look_id"
    return rows(connection, asked)


def problem(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert found["status"] == answer.status_code
    return dict(found)


@pytest.mark.parametrize("path", ["/leads", "/leads/1", "/statistics", "/routes", "/bulk-actions", "/openapi.json"])
def test_nobody_unknown_gets_anything(console: ConsoleProcess, path: str) -> None:
    answer = httpx.get(f"{console.url}/api/v1{path}", trust_env=False)

    assert answer.status_code == 401 or path == "/openapi.json"


def test_who_may_only_look_can_look_and_not_act(console: ConsoleProcess, connection: Connection, route: str) -> None:
    [lead_id] = rejected(connection, route)
    headers = {"authorization": f"Bearer {VIEWER_TOKEN}"}
    with httpx.Client(base_url=f"{console.url}/api/v1", headers=headers, timeout=60, trust_env=False) as viewer:
        shown = viewer.get(f"/leads/{lead_id}")
        acted = viewer.post(f"/leads/{lead_id}/replay", json={})
        begun = viewer.post("/bulk-actions", json={"kind": "replay", "filter": {}})

    assert shown.status_code == 200
    assert (problem(acted)["status"], problem(begun)["status"]) == (403, 403)
    assert status_of(connection, lead_id) == "REJECTED"


def test_leads_are_listed_a_page_at_a_time(api: httpx.Client, connection: Connection, route: str) -> None:
    leads = rejected(connection, route, 3)

    query = {"route": route, "status": "REJECTED", "reject_code": "NO_ROOF", "limit": "2"}
    first = api.get("/leads", params=query).json()
    second = api.get("/leads", params=query | {"cursor": first["next_cursor"]}).json()

    assert [lead["lead_id"] for lead in first["leads"] + second["leads"]] == leads[::-1]
    assert (second["next_cursor"], second["is_complete"]) == (None, True)
    assert first["leads"][0]["status"] == "REJECTED"


def test_leads_are_found_by_what_is_personal_in_the_body_of_a_post_and_the_look_is_recorded(
    api: httpx.Client, connection: Connection, route: str
) -> None:
    [lead_id] = stored(
        connection, new_lead(route=route, body=b'{"mail": "Zoe@example.com", "address": {"zip": "66123"}}')
    )

    asked = {"route": route, "email": "zoe@example.com", "fields": ["address.zip=66123"]}
    found = api.post("/leads/search", json=asked).json()

    assert [lead["lead_id"] for lead in found["leads"]] == [lead_id]
    assert "zoe" not in json.dumps(found).lower()
    assert looks(connection)[-1] == ("person:token", "search", 1, None)


def test_a_lead_is_told_without_its_contents_unless_they_are_asked_for(
    api: httpx.Client, connection: Connection, route: str
) -> None:
    [lead_id] = stored(connection, new_lead(route=route, body=b'{"name": "marked"}', headers={"x-header": "marked"}))
    before = len(looks(connection))

    told = api.get(f"/leads/{lead_id}")
    assert "marked" not in told.text
    assert told.json()["transitions"][0]["to"] == "RECEIVED"
    assert len(looks(connection)) == before

    whole = api.get(f"/leads/{lead_id}", params={"contents": "true"}).json()
    assert (whole["body"], whole["headers"]) == ({"name": "marked"}, {"x-header": "marked"})
    assert looks(connection)[before:] == [("person:token", "contents", 1, lead_id)]


def test_attempts_are_told_with_request_and_answer(api: httpx.Client, connection: Connection, route: str) -> None:
    [lead_id] = stored(connection, new_lead(route=route))
    worker = Worker(connection)
    claimed = worker.claim(routes=[route])
    worker.mark_ready(claimed)
    worker.fail(claimed[0])

    [bare] = api.get(f"/leads/{lead_id}").json()["attempts"]
    [whole] = api.get(f"/leads/{lead_id}", params={"contents": "true"}).json()["attempts"]

    assert (bare["response_status"], bare["kind"], "request_body" in bare) == (500, "status", False)
    assert whole["request_body"] == {"customer_email": "user@example.com"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "501"}, "limit"),
        ({"status": "LOST"}, "status.0"),
        ({"received_from": "2026-03-01T00:00:00"}, "received_from"),
        ({"received_from": "2026-03-02T00:00:00Z", "received_before": "2026-03-01T00:00:00Z"}, "received_before"),
        ({"cursor": "9223372036854775808"}, "cursor"),
        ({"correlation_id": "x"}, "correlation_id"),
    ],
)
def test_a_wrong_parameter_is_named(api: httpx.Client, query: dict[str, str], field: str) -> None:
    answer = api.get("/leads", params=query)

    assert answer.status_code == 422
    assert [error["field"] for error in problem(answer)["errors"]] == [field]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "secretly"}, "email"),
        ({"phone": "secretly"}, "phone"),
        ({"fields": ["secretly"]}, "field"),
        ({"fields": ["a=b"] * 11}, "fields"),
        ({"emial": "secretly"}, "emial"),
    ],
)
def test_a_wrong_filter_is_named_and_not_repeated(api: httpx.Client, body: dict[str, Any], field: str) -> None:
    answer = api.post("/leads/search", json=body)

    assert answer.status_code == 422
    assert [error["field"] for error in problem(answer)["errors"]] == [field]
    assert "secretly" not in answer.text


def test_what_is_not_there_is_said_to_be_so(api: httpx.Client) -> None:
    missing = 2**62

    assert problem(api.get(f"/leads/{missing}"))["status"] == 404
    assert problem(api.post(f"/leads/{missing}/replay", json={}))["status"] == 404
    assert problem(api.get(f"/bulk-actions/{missing}"))["status"] == 404
    assert problem(api.post(f"/bulk-actions/{missing}/cancel"))["status"] == 404
    assert problem(api.get("/nowhere"))["status"] == 404


def test_one_lead_is_replayed_and_the_audit_says_by_whom_and_why(
    api: httpx.Client, connection: Connection, route: str
) -> None:
    [lead_id] = rejected(connection, route)

    assert api.post(f"/leads/{lead_id}/replay", json={"reason": "the rule was wrong"}).json() == {"lead_id": lead_id}

    last = api.get(f"/leads/{lead_id}").json()["transitions"][-1]
    assert (last["actor"], last["code"], last["detail"]) == (
        "person:token",
        "REPLAYED",
        {"reason": "the rule was wrong"},
    )
    again = api.post(f"/leads/{lead_id}/replay", json={})
    assert "RECEIVED" in problem(again)["detail"]
    assert again.status_code == 409


def test_a_lead_is_rejected_with_a_reason_only(api: httpx.Client, connection: Connection, route: str) -> None:
    [lead_id] = stored(connection, new_lead(route=route))

    assert api.post(f"/leads/{lead_id}/reject", json={}).status_code == 422
    assert api.post(f"/leads/{lead_id}/reject", json={"reason": "spam", "code": "SPAM"}).status_code == 200
    assert api.get(f"/leads/{lead_id}").json()["reject_code"] == "SPAM"


def test_a_lead_is_moved_to_published_routes_only(api: httpx.Client, connection: Connection, route: str) -> None:
    [lead_id] = stored(connection, new_lead(route=route))

    refused = api.post(f"/leads/{lead_id}/move", json={"route": "default/nowhere"})
    moved = api.post(f"/leads/{lead_id}/move", json={"route": ROUTE})

    assert [error["field"] for error in problem(refused)["errors"]] == ["route"]
    assert moved.status_code == 200
    assert api.get(f"/leads/{lead_id}").json()["route"] == ROUTE


def test_a_filtered_set_is_replayed_after_a_dry_run_and_says_how_far_it_is(
    api: httpx.Client, connection: Connection, route: str
) -> None:
    leads = rejected(connection, route, 3)
    stored(connection, new_lead(route=route))
    wish = {"kind": "replay", "filter": {"route": route, "reject_code": "NO_ROOF"}, "reason": "the rule was wrong"}

    dry = api.post("/bulk-actions", json=wish)
    assert (dry.status_code, dry.json()["total"], dry.json()["action_id"]) == (200, 3, None)
    assert status_of(connection, leads[0]) == "REJECTED"

    begun = api.post("/bulk-actions", json=wish | {"dry_run": False})
    assert (begun.status_code, begun.json()["state"], begun.json()["actor"]) == (202, "running", "person:token")
    while bulk.advance(connection, limit=2):
        pass
    shown = api.get(f"/bulk-actions/{begun.json()['action_id']}").json()

    assert (shown["state"], shown["processed"], shown["done"]) == ("done", 3, 3)
    assert shown["action_id"] in [each["action_id"] for each in api.get("/bulk-actions").json()["bulk_actions"]]
    assert {status_of(connection, lead_id) for lead_id in leads} == {"RECEIVED"}


def test_a_bulk_action_can_be_called_off_once(api: httpx.Client, connection: Connection, route: str) -> None:
    rejected(connection, route, 2)
    wish = {"kind": "replay", "filter": {"route": route}, "dry_run": False}
    action_id = api.post("/bulk-actions", json=wish).json()["action_id"]

    assert api.post(f"/bulk-actions/{action_id}/cancel").json()["state"] == "cancelled"
    assert problem(api.post(f"/bulk-actions/{action_id}/cancel"))["status"] == 409


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"kind": "move"}, "route"),
        ({"kind": "replay", "route": ROUTE}, "route"),
        ({"kind": "replay", "code": "SPAM"}, "code"),
        ({"kind": "move", "route": "default/nowhere"}, "route"),
        ({"kind": "burn"}, "kind"),
    ],
)
def test_a_bulk_action_that_makes_no_sense_is_refused_by_field(
    api: httpx.Client, wish: dict[str, Any], field: str
) -> None:
    answer = api.post("/bulk-actions", json={"filter": {}} | wish)

    assert answer.status_code == 422
    assert [error["field"] for error in problem(answer)["errors"]] == [field]


HOSTILE = b'{"name": "=cmd|\' /C calc\'!A0", "note": "a,\\"b\\"\\r\\n\\u0000", "rtl": "\xd7\xa9"}'


def test_leads_are_exported_as_lines_of_json(api: httpx.Client, connection: Connection, route: str) -> None:
    first, second = stored(connection, new_lead(route=route), new_lead(route=route, body=HOSTILE))

    answer = api.post("/leads/export", json={"route": route})
    lines = [json.loads(line) for line in answer.text.splitlines()]

    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert [line["lead_id"] for line in lines] == [second, first]
    assert lines[0]["body"]["name"].startswith("=cmd")
    assert looks(connection)[-1] == ("person:token", "export", 2, None)


def test_leads_are_exported_as_csv_that_no_spreadsheet_runs(
    api: httpx.Client, connection: Connection, route: str
) -> None:
    [lead_id] = stored(connection, new_lead(route=route, body=HOSTILE))

    answer = api.post("/leads/export", json={"route": route, "format": "csv"})
    [line] = csv.DictReader(io.StringIO(answer.text, newline=""))

    assert answer.headers["content-disposition"] == 'attachment; filename="leads.csv"'
    assert (int(line["lead_id"]), line["status"], line["reject_code"]) == (lead_id, "RECEIVED", "")
    assert line["body"] == HOSTILE.decode()


def test_leads_are_counted(api: httpx.Client, connection: Connection, route: str) -> None:
    rejected(connection, route, 2)
    stored(connection, new_lead(route=route))

    found = api.get("/statistics", params={"route": route, "bucket_seconds": "86400"}).json()

    assert (found["total"], found["by_status"]) == (3, {"REJECTED": 2, "RECEIVED": 1})
    assert found["by_reject_code"] == {route: {"NO_ROOF": 2}}
    assert sum(sum(bucket["by_status"].values()) for bucket in found["by_time"]) == 3
    assert problem(api.get("/statistics", params={"bucket_seconds": "1"}))["errors"][0]["field"] == "bucket"


def test_routes_are_told_with_their_state(api: httpx.Client, connection: Connection, route: str) -> None:
    rejected(connection, route)
    stored(connection, new_lead(route=route))

    found = {each["route"]: each for each in api.get("/routes").json()["routes"]}

    assert found[ROUTE]["is_published"]
    assert found[ROUTE]["config_hash"]
    deleted = found[route]
    assert (deleted["is_published"], deleted["waiting"], deleted["rejected"]) == (False, 1, 1)
    assert (deleted["success_rate"], deleted["breaker"], deleted["config_hash"]) == (None, None, None)


def test_the_api_describes_itself(api: httpx.Client) -> None:
    document = api.get("/openapi.json").json()

    paths = {path.removeprefix("/api/v1") for path in document["paths"]}
    assert paths == {
        "/leads",
        "/leads/search",
        "/leads/count",
        "/leads/tail",
        "/leads/export",
        "/leads/{lead_id}",
        "/leads/{lead_id}/replay",
        "/leads/{lead_id}/reject",
        "/leads/{lead_id}/move",
        "/bulk-actions",
        "/bulk-actions/{action_id}",
        "/bulk-actions/{action_id}/cancel",
        "/statistics",
        "/routes",
    }
    refusals = document["paths"]["/api/v1/leads/{lead_id}"]["get"]["responses"]
    assert "application/problem+json" in refusals["404"]["content"]
