"""The console's pages over HTTP, with real leads in a real database."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from leadgateway.store.breaker import Tally, open_breaker
from leadgateway.store.bulk import advance
from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows
from leadgateway.store.outcomes import Delivered
from leadgateway.store.people import reject
from tests.building.console import LOCKED, PASSWORD, TOKEN, VIEWER_PASSWORD, ConsoleProcess, Person
from tests.building.published_routes import a_lead_route, publish_routes
from tests.building.stored_leads import CONFIG, Worker, attempt, new_lead, status_of, steps_of, store_engine, stored

SOLAR = "default/solar"
BODY = b'{"email": "eva@example.com", "phone": "0681 4711", "address": {"zip": "66123"}}'
EXAMPLE = {"name": "a lead with an address", "lead": {"email": "a@b.de"}, "deliver": {"customer_email": "a@b.de"}}


@dataclass
class Gateway:
    """A console, what it shows, and the database behind it."""

    console: ConsoleProcess
    connection: Connection
    routes: Path

    def rejected_lead(self) -> int:
        """A lead that a rule turned down."""
        [lead] = stored(self.connection, new_lead(route=SOLAR, body=BODY))
        worker = Worker(self.connection)
        worker.reject(next(each for each in worker.claim(routes=[SOLAR]) if each.lead_id == lead))
        return lead


@pytest.fixture(scope="module")
def gateway(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("routes")
    rule = {"code": "ZIP_NOT_66XXX", "field": "address.zip", "matches": r"^66\d{3}$"}
    publish_routes(
        folder,
        a_lead_route("solar", tests=[EXAMPLE]),
        a_lead_route("strict", validation={"rules": [rule]}),
    )
    engine = store_engine(module_database_url)
    with (
        engine.connect() as connection,
        ConsoleProcess(folder, database=module_database_url, **LOCKED) as console,
    ):
        yield Gateway(console.until_ready(), connection, folder)
    engine.dispose()


@pytest.fixture
def ann(gateway: Gateway) -> Iterator[Person]:
    """An operator."""
    with Person(gateway.console) as person:
        person.sign_in(PASSWORD, "ann")
        yield person


@pytest.fixture
def ben(gateway: Gateway) -> Iterator[Person]:
    """A viewer."""
    with Person(gateway.console) as person:
        person.sign_in(VIEWER_PASSWORD, "ben")
        yield person


def looks(connection: Connection, lead: int | None) -> list[tuple[str, str]]:
    sql = "SELECT actor, kind FROM personal_data_look WHERE lead_id IS NOT DISTINCT FROM %(lead)s ORDER BY look_id"
    return [(actor, kind) for actor, kind in rows(connection, sql, {"lead": lead})]


def body_of(connection: Connection, lead: int) -> bytes:
    [(body,)] = rows(connection, "SELECT body FROM inbound_lead WHERE lead_id = %(lead)s", {"lead": lead})
    return bytes(body)


def test_no_page_shows_anything_to_a_stranger(gateway: Gateway) -> None:
    lead = gateway.rejected_lead()

    for path in (
        "/",
        "/now/stream",
        "/leads",
        "/replay",
        f"/find?lead={lead}",
        f"/leads/{lead}",
        "/routes",
        f"/routes/{SOLAR}",
        "/erase",
    ):
        answer = httpx.get(f"{gateway.console.url}{path}", trust_env=False)
        assert answer.status_code == 303, path
        assert SOLAR not in answer.text
    for path in (
        "/leads",
        "/replay/preview",
        "/replay/begin",
        "/leads/export",
        "/erase/preview",
        "/erase/begin",
        f"/leads/{lead}/look",
        f"/leads/{lead}/replay",
        f"/routes/{SOLAR}/try",
    ):
        answer = httpx.post(f"{gateway.console.url}{path}", data={"lead": "{}"}, trust_env=False)
        assert answer.status_code == 303, path
    assert looks(gateway.connection, lead) == []


def test_what_a_lead_holds_is_covered_until_somebody_asks_and_each_look_is_recorded(
    gateway: Gateway, ben: Person
) -> None:
    lead = gateway.rejected_lead()

    covered = ben.get(f"/leads/{lead}").text
    assert "eva@example.com" not in covered
    assert "&#34;email&#34;" in covered
    assert looks(gateway.connection, lead) == []
    shown = ben.send(f"/leads/{lead}/look", page=f"/leads/{lead}")

    assert "eva@example.com" in shown.text
    assert looks(gateway.connection, lead) == [("person:ben", "contents")]


def test_what_the_customer_answered_is_shown_with_its_headers_to_whoever_asks(gateway: Gateway, ben: Person) -> None:
    [lead] = stored(gateway.connection, new_lead(route="default/answered"))
    worker = Worker(gateway.connection)
    worker.mark_ready(claimed := worker.claim(routes=["default/answered"]))
    answered = attempt(response_headers={"x-ticket": "T-4711"}, response_body=b'{"taken": true}')
    assert worker.finish(Delivered(lead, claimed[0].token, CONFIG, answered))

    covered = ben.get(f"/leads/{lead}").text
    shown = ben.send(f"/leads/{lead}/look", page=f"/leads/{lead}").text

    assert "T-4711" not in covered
    assert "x-ticket: T-4711\n\n{&#34;taken&#34;: true}" in shown


def test_a_viewer_can_not_act(gateway: Gateway, ben: Person) -> None:
    lead = gateway.rejected_lead()

    answer = ben.send(f"/leads/{lead}/replay", page=f"/leads/{lead}")

    assert answer.status_code == 403
    assert status_of(gateway.connection, lead) == "REJECTED"
    assert f"/leads/{lead}/replay" not in ben.get(f"/leads/{lead}").text


def test_a_replay_is_in_the_audit_with_who_and_why(gateway: Gateway, ann: Person) -> None:
    lead = gateway.rejected_lead()

    answer = ann.send(f"/leads/{lead}/replay", page=f"/leads/{lead}", reason="the rule was wrong")

    assert "It is sent through again" in answer.text
    assert steps_of(gateway.connection, lead) == ["RECEIVED", "REJECTED", "RECEIVED"]
    [(actor, reason)] = rows(
        gateway.connection,
        "SELECT actor, detail->>'reason' FROM status_transition WHERE lead_id = %(id)s AND seq = 3",
        {"id": lead},
    )
    assert (actor, reason) == ("person:ann", "the rule was wrong")


def test_what_can_not_be_done_is_said_and_nothing_is_done(gateway: Gateway, ann: Person) -> None:
    [lead] = stored(gateway.connection, new_lead(route=SOLAR, body=BODY))

    answer = ann.send(f"/leads/{lead}/replay", page=f"/leads/{lead}")

    assert answer.status_code == 409
    assert "Nothing was done: it is RECEIVED" in answer.text
    ann.send(f"/leads/{lead}/reject", page=f"/leads/{lead}", code="SPAM", reason="a test")
    assert status_of(gateway.connection, lead) == "REJECTED"


def test_a_lead_moves_to_a_route_that_is_there_only(gateway: Gateway, ann: Person) -> None:
    lead = gateway.rejected_lead()

    refused = ann.send(f"/leads/{lead}/move", page=f"/leads/{lead}", route="default/nowhere")
    moved = ann.send(f"/leads/{lead}/move", page=f"/leads/{lead}", route="default/strict")

    assert refused.status_code == 400
    assert "It was moved" in moved.text
    assert "default/strict" in moved.text


def test_a_lead_is_found_by_its_number_and_by_its_correlation_id(gateway: Gateway, ben: Person) -> None:
    one, shared = uuid4(), uuid4()
    [lead] = stored(gateway.connection, new_lead(route=SOLAR, correlation_id=one))
    twins = stored(gateway.connection, *(new_lead(route=SOLAR, correlation_id=shared) for _ in range(2)))

    assert ben.get(f"/find?lead={lead}").url.path == f"/leads/{lead}"
    assert ben.get(f"/find?lead={one}").url.path == f"/leads/{lead}"
    assert [f'href="/leads/{each}"' in ben.get(f"/find?lead={shared}").text for each in twins] == [True, True]
    assert ben.get(f"/find?lead={uuid4()}").status_code == 404
    assert ben.get("/find?lead=eva").status_code == 400


def test_filters_live_in_the_address_and_a_person_s_address_does_not(gateway: Gateway, ben: Person) -> None:
    lead = gateway.rejected_lead()

    by_status = ben.get("/leads?status=REJECTED&route=default/solar&field=address.zip=66123")
    by_person = ben.send("/leads", page="/leads", email="EVA@example.com")

    assert f'href="/leads/{lead}"' in by_status.text
    assert f'href="/leads/{lead}"' in by_person.text
    assert by_person.url.query == b""
    assert ("person:ben", "search") in looks(gateway.connection, None)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("status=LOST", "Status: one of RECEIVED"),
        ("from=yesterday", "Received from: not a time"),
        ("correlation_id=7", "Correlation id: not a UUID"),
        ("field=zip", "Value in the body: write path=value"),
    ],
)
def test_a_filter_that_means_nothing_is_named(ben: Person, query: str, sentence: str) -> None:
    answer = ben.get(f"/leads?{query}")

    assert answer.status_code == 400
    assert sentence in answer.text


def test_pages_follow_one_another_to_the_end(gateway: Gateway, ben: Person) -> None:
    leads = stored(gateway.connection, *(new_lead(route="default/many") for _ in range(120)))
    seen: list[str] = []
    path: str | None = "/leads?route=default/many"

    while path:
        text = ben.get(path).text
        seen += [part.partition('"')[0] for part in text.split('href="/leads/')[1:]]
        older = text.partition('rel="next" href="')[2].partition('"')[0]
        path = html.unescape(older) or None

    assert [int(each) for each in seen] == sorted(leads, reverse=True)


def test_many_leads_are_replayed_after_it_was_said_how_many(gateway: Gateway, ann: Person, ben: Person) -> None:
    leads = stored(gateway.connection, *(new_lead(route="default/strict") for _ in range(30)))
    reject(gateway.connection, leads, code="SLIP", person="ann")
    meant = {"status_REJECTED": "1", "route": "default/strict", "code": "SLIP"}

    preview = ann.send("/replay/preview", page="/replay", **meant)
    assert "30 leads would be sent through again" in preview.text
    assert {status_of(gateway.connection, lead) for lead in leads} == {"REJECTED"}
    begun = ann.send("/replay/begin", page="/replay", reason="a slip", **meant)
    assert "0 of 30 leads" in begun.text
    while advance(gateway.connection):
        pass
    ended = ben.get(begun.url.path)

    assert "30 of 30 leads" in ended.text
    assert {status_of(gateway.connection, lead) for lead in leads} == {"RECEIVED"}
    assert ben.send("/replay/begin", page="/leads", **meant).status_code == 403


def test_the_waiting_leads_of_a_deleted_route_are_moved_from_its_page(gateway: Gateway, ann: Person) -> None:
    leads = stored(gateway.connection, *(new_lead(route="default/deleted") for _ in range(3)))
    ended, *waiting = leads
    reject(gateway.connection, [ended], code="SPAM", person="ann")
    offered = html.unescape(ann.get("/routes/default/deleted").text.partition('href="/replay?')[2].partition('"')[0])
    assert 'value="default/deleted"' in ann.get(f"/replay?{offered}").text
    meant = {"kind": "move", "route": "default/deleted", "status_RECEIVED": "1", "status_READY": "1"}

    refused = ann.send("/replay/preview", page="/replay", to_route="default/nowhere", **meant)
    preview = ann.send("/replay/preview", page="/replay", to_route="default/strict", **meant)
    begun = ann.send("/replay/begin", page="/replay", to_route="default/strict", reason="its customer left", **meant)
    while advance(gateway.connection):
        pass

    assert refused.status_code == 400
    assert "2 leads would be moved to" in preview.text
    assert "default/strict" in ann.get(begun.url.path).text
    sql = "SELECT lead_id FROM lead_state WHERE route = 'default/strict' AND lead_id = ANY (%(leads)s) ORDER BY lead_id"
    assert [lead for (lead,) in rows(gateway.connection, sql, {"leads": leads})] == sorted(waiting)


def test_many_leads_are_rejected_with_a_code_and_a_reason(gateway: Gateway, ann: Person) -> None:
    leads = stored(gateway.connection, *(new_lead(route="default/spammed") for _ in range(3)))
    meant = {"kind": "reject", "route": "default/spammed", "reject_with": "spam"}

    without_reason = ann.send("/replay/begin", page="/replay", **meant)
    without_code = ann.send("/replay/preview", page="/replay", **(meant | {"reject_with": ""}))
    begun = ann.send("/replay/begin", page="/replay", reason="a bot", **meant)
    while advance(gateway.connection):
        pass

    assert (without_reason.status_code, without_code.status_code) == (400, 400)
    assert "SPAM" in ann.get(begun.url.path).text
    assert {status_of(gateway.connection, lead) for lead in leads} == {"REJECTED"}


def test_a_lead_is_not_rejected_without_a_reason(gateway: Gateway, ann: Person) -> None:
    [lead] = stored(gateway.connection, new_lead(route=SOLAR))

    answer = ann.send(f"/leads/{lead}/reject", page=f"/leads/{lead}", code="SPAM", reason=" ")

    assert answer.status_code == 400
    assert status_of(gateway.connection, lead) == "RECEIVED"


def test_a_route_tells_how_its_leads_fared_and_why_they_were_rejected(gateway: Gateway, ben: Person) -> None:
    route = "default/told"
    worker = Worker(gateway.connection)
    stored(gateway.connection, *(new_lead(route=route) for _ in range(3)))
    rejected, *others = worker.claim(3, routes=[route])
    worker.reject(rejected, "NO_ROOF")
    worker.mark_ready(others)
    worker.deliver(others[0])

    page = ben.get(f"/routes/{route}").text
    listed = ben.get("/routes").text

    assert "100 %" in page
    assert f"/leads?route={route}&amp;code=NO_ROOF&amp;from=" in page
    assert route in listed


def test_a_replay_can_be_called_off(gateway: Gateway, ann: Person) -> None:
    leads = stored(gateway.connection, *(new_lead(route="default/strict") for _ in range(3)))
    reject(gateway.connection, leads, code="OTHER", person="ann")
    begun = ann.send("/replay/begin", page="/replay", status_REJECTED="1", code="OTHER")

    ended = ann.send(f"{begun.url.path}/cancel", page="/replay")

    assert "called off by" in ended.text
    assert advance(gateway.connection) == 0
    assert {status_of(gateway.connection, lead) for lead in leads} == {"REJECTED"}


def test_a_lead_is_tried_on_a_route_and_leaves_no_trace(gateway: Gateway, ben: Person) -> None:
    before = rows(gateway.connection, "SELECT count(*) FROM inbound_lead")
    page = "/routes/default/strict"

    taken = ben.send(f"{page}/try", page=page, lead='{"email": " A@B.de ", "address": {"zip": "66123"}}')
    refused = ben.send(f"{page}/try", page=page, lead='{"address": {"zip": "1"}}')
    broken = ben.send(f"{page}/try", page=page, lead="{")

    assert "Would be delivered" in taken.text
    assert "&#34;a@b.de&#34;" in taken.text
    assert "Rejected with ZIP_NOT_66XXX" in refused.text
    assert "Not taken" in broken.text
    assert rows(gateway.connection, "SELECT count(*) FROM inbound_lead") == before


def test_a_route_shows_its_configuration_and_how_its_own_tests_go(ben: Person) -> None:
    text = ben.get(f"/routes/{SOLAR}").text

    assert "https://customer.example/lead/receive" in text
    assert "a lead with an address" in text
    assert "passes" in text


def test_a_customer_that_is_left_alone_is_told_with_the_reason(gateway: Gateway, ben: Person) -> None:
    open_breaker(gateway.connection, Tally("default/strict", 25, 24, 12), worker="w1")

    assert "customer down" in ben.get("/routes").text
    page = ben.get("/routes/default/strict").text
    assert "24 of 25 attempts failed within a minute" in page
    assert "Next try" in page


def test_a_route_that_is_gone_is_named_while_leads_wait_for_it(gateway: Gateway, ben: Person) -> None:
    stored(gateway.connection, new_lead(route="default/gone"))

    assert "default/gone" in ben.get("/routes").text
    assert "This route is gone" in ben.get("/routes/default/gone").text
    assert ben.get("/routes/default/never").status_code == 404


def test_what_arrives_is_told_to_whoever_looks(gateway: Gateway) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    with (
        httpx.Client(trust_env=False, timeout=60, headers=headers) as client,
        client.stream("GET", f"{gateway.console.url}/now/stream") as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith("data: "))
        stored(gateway.connection, new_lead(route="default/just-arrived"))
        assert next(line for line in lines if "default/just-arrived" in line)


@pytest.mark.parametrize("path", ["/leads/0", "/leads/x", "/leads/99999999999999999999"])
def test_a_number_that_no_lead_can_have_is_no_defect(ben: Person, path: str) -> None:
    assert ben.get(path).status_code in (404, 422)


def test_what_is_found_is_exported_with_the_filters_that_found_it(gateway: Gateway, ben: Person) -> None:
    route = "default/exported"
    formula = b'{"name": "x", "email": "mia@example.com"}'
    wanted, other = stored(gateway.connection, new_lead(route=route, body=formula), new_lead(route=route))
    reject(gateway.connection, [wanted], code="=cmd|'/C calc'!A0", person="ann")
    page = f"/leads?route={route}&status=REJECTED"
    assert 'name="status_REJECTED" value="1"' in ben.get(page).text

    table = ben.send("/leads/export", page=page, route=route, status_REJECTED="1", format="csv")
    lines = ben.send("/leads/export", page=page, email="mia@example.com", format="ndjson")

    [line] = csv.DictReader(io.StringIO(table.text, newline=""))
    assert (line["lead_id"], line["reject_code"]) == (str(wanted), "'=cmd|'/C calc'!A0")
    assert table.headers["content-disposition"] == 'attachment; filename="leads.csv"'
    assert [json.loads(each)["lead_id"] for each in lines.text.splitlines()] == [wanted]
    assert lines.url.query == b""
    assert looks(gateway.connection, None)[-2:] == [("person:ben", "export"), ("person:ben", "export")]
    assert str(other) != line["lead_id"]


def test_an_export_of_what_can_not_be_meant_says_so(ben: Person) -> None:
    answer = ben.send("/leads/export", page="/leads", email="nobody")

    assert answer.status_code == 400
    assert "E-mail: not an e-mail address" in answer.text


@pytest.mark.parametrize(
    ("field", "written"), [("email", "Zoe@Example.com"), ("phone", "+49 681 5550199"), ("ids", "{lead}")]
)
def test_a_person_is_erased_after_it_was_said_of_how_many_leads_and_it_is_proved(
    gateway: Gateway, ann: Person, field: str, written: str
) -> None:
    [lead] = stored(
        gateway.connection, new_lead(route=SOLAR, body=b'{"email": "zoe@example.com", "phone": "0681 5550199"}')
    )
    whose = {field: written.format(lead=lead), "reference": "ticket 4711"}

    preview = ann.send("/erase/preview", page="/erase", **whose)
    assert "1 lead would be erased" in preview.text
    assert f'href="/leads/{lead}"' in preview.text
    unconfirmed = ann.send("/erase/begin", page="/erase", **whose)
    assert unconfirmed.status_code == 400
    assert status_of(gateway.connection, lead) == "RECEIVED"
    done = ann.send("/erase/begin", page="/erase", confirmed="yes", **whose)

    assert "1 lead erased" in done.text
    assert "Nothing is left" in done.text
    assert status_of(gateway.connection, lead) == "REJECTED"
    assert body_of(gateway.connection, lead) == b""
    [fact] = rows(
        gateway.connection,
        "SELECT actor, sought, leads_erased, traces_left FROM erasure ORDER BY erasure_id DESC LIMIT 1",
    )
    assert fact == ("person:ann", "id" if field == "ids" else field, 1, 0)
    listed = ann.get("/erase").text
    assert "ticket 4711" in listed
    for said in (listed, gateway.console.output, str(done.url), str(preview.url)):
        assert "zoe" not in said.lower()
        assert "5550199" not in said


def test_a_viewer_sees_that_was_erased_and_erases_nothing(gateway: Gateway, ben: Person) -> None:
    lead = gateway.rejected_lead()

    assert ben.get("/erase").status_code == 200
    for path in ("/erase/preview", "/erase/begin"):
        assert ben.send(path, page="/leads", ids=str(lead), confirmed="yes").status_code == 403
    assert body_of(gateway.connection, lead) == BODY


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Fill in exactly one"),
        ({"email": "a@b.de", "ids": "1"}, "Fill in exactly one"),
        ({"email": "nobody"}, "That is no e-mail address"),
        ({"phone": "12"}, "That is no phone number"),
        ({"ids": "1, x"}, "Lead numbers: write them as"),
        ({"ids": "0"}, "Lead numbers: write them as"),
        ({"ids": "1", "reference": "x" * 101}, "A reference has 100 characters"),
    ],
)
def test_whose_data_is_meant_has_to_be_clear(ann: Person, fields: dict[str, str], sentence: str) -> None:
    for path in ("/erase/preview", "/erase/begin"):
        answer = ann.send(path, page="/erase", confirmed="yes", **fields)
        assert answer.status_code == 400
        assert sentence in answer.text


def test_a_form_of_another_session_erases_nothing(gateway: Gateway, ann: Person) -> None:
    lead = gateway.rejected_lead()
    form = {"ids": str(lead), "confirmed": "yes", "form_token": "x"}

    answer = ann.client.post("/erase/begin", data=form, headers=ann.origin)

    assert answer.status_code == 403
    assert body_of(gateway.connection, lead) == BODY
