"""Every answer of the webhook, asked of a running process with a real database, and what is stored."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg2
import pytest

from tests.building.published_routes import a_lead_route, a_secret, publish_routes
from tests.building.webhook import LEAD, Answered, WebhookProcess, post_all

SECRET, OTHER_SECRET = "s3cret-of-the-source", "n3xt-secret"
JSON = {"Content-Type": "application/json"}

ROUTES = [
    a_lead_route("open", default=True),
    a_lead_route("closed", source={"sharedSecrets": [{"name": "closed", "key": key} for key in ("one", "two")]}),
    a_secret("closed", one=SECRET, two=OTHER_SECRET),
    a_lead_route(
        "form",
        source={"sharedSecrets": [{"name": "form", "key": "key"}], "sharedSecretField": "google_key"},
    ),
    a_secret("form", key=SECRET),
    a_lead_route("limited", source={"rateLimit": {"requestsPerMinute": 3}}),
    a_lead_route("once", source={"deduplicate": {"fields": ["email", "address.zip"], "window": "24h"}}),
]


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("published")
    publish_routes(folder, *ROUTES)
    return folder


@pytest.fixture(scope="module")
def process(routes: Any, module_database_url: str, module_valkey_url: str) -> Iterator[WebhookProcess]:
    with WebhookProcess(routes, database=module_database_url, redis=module_valkey_url) as webhook:
        yield webhook.until_ready()


@pytest.fixture
def client(process: WebhookProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{process.url}/webhooks/leads", timeout=10) as client:
        yield client


@pytest.fixture
def rows(module_database_url: str) -> Iterator[Any]:
    """Runs a query: the rows it gives, as dictionaries would be too much for these."""
    connection = psycopg2.connect(module_database_url)
    connection.autocommit = True

    def query(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    yield query
    connection.close()


def stored_body(rows: Any, lead_id: int) -> bytes:
    return bytes(rows("SELECT body FROM inbound_lead WHERE lead_id = %s", lead_id)[0][0])


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert body.keys() == {"status", "code", "message", "correlation_id"}
    assert body["status"] == "error"
    assert str(UUID(body["correlation_id"])) == body["correlation_id"] == answer.headers["X-Correlation-ID"]
    return body


# Accepted


def test_a_lead_is_accepted_in_exactly_this_form(client: httpx.Client) -> None:
    answer = client.post("/", json=LEAD)

    body = answer.json()
    assert answer.status_code == 200
    assert list(body) == ["status", "lead_id", "correlation_id"]
    assert body["status"] == "accepted"
    assert isinstance(body["lead_id"], int)
    assert str(UUID(body["correlation_id"])) == body["correlation_id"]


def test_a_lead_is_stored_as_it_came_with_its_first_transition(client: httpx.Client, rows: Any) -> None:
    sent = b'{ "email" :\t"USER@example.com ",\r\n"n": 1.50, "n": 1e2, "u": "\\u00fc" }'

    lead_id = client.post("/open", content=sent, headers=JSON).json()["lead_id"]

    assert stored_body(rows, lead_id) == sent
    [(route, config_hash)] = rows("SELECT route, config_hash FROM inbound_lead WHERE lead_id = %s", lead_id)
    assert route == "default/open"
    assert len(config_hash) == 16
    assert rows("SELECT from_status, to_status, actor FROM status_transition WHERE lead_id = %s", lead_id) == [
        (None, "RECEIVED", "webhook")
    ]


@pytest.mark.parametrize("path", ["", "/", "/open", "/open/"])
def test_the_last_slash_changes_nothing_and_nothing_redirects(process: WebhookProcess, path: str, rows: Any) -> None:
    answer = httpx.post(f"{process.url}/webhooks/leads{path}", json=LEAD, follow_redirects=False)

    assert answer.status_code == 200
    assert rows("SELECT route FROM inbound_lead WHERE lead_id = %s", answer.json()["lead_id"]) == [("default/open",)]


@pytest.mark.parametrize(
    "sent",
    [
        b'{"name":"a\\u0000b"}',
        b'{"name":"\\ud800"}',
        b'{"\\udfff":{"\\u0000":1}}',
        '{"name":"Jörg 😀"}'.encode(),
        b'{"n":123456789012345678901234567890,"f":1e308,"z":-0.0}',
        b'{"deep":' + b"[" * 63 + b"]" * 63 + b"}",
        b"{}",
        b" \r\n\t{}\n",
    ],
)
def test_unusual_leads_are_stored_without_loss(client: httpx.Client, sent: bytes, rows: Any) -> None:
    answer = client.post("/", content=sent, headers=JSON)

    assert answer.status_code == 200, answer.text
    assert stored_body(rows, answer.json()["lead_id"]) == sent


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=UTF-8", "application/ld+json"])
def test_json_by_any_of_its_names_is_taken(client: httpx.Client, kind: str) -> None:
    assert client.post("/", content=b"{}", headers={"Content-Type": kind}).status_code == 200


def test_a_body_in_chunks_is_taken(client: httpx.Client, rows: Any) -> None:
    answer = client.post("/", content=iter([b'{"a"', b":", b"1}"]), headers=JSON)

    assert stored_body(rows, answer.json()["lead_id"]) == b'{"a":1}'


def test_a_body_announced_by_expect_is_asked_for(process: WebhookProcess) -> None:
    with socket.create_connection(("127.0.0.1", process.port), timeout=10) as connection:
        connection.sendall(
            b"POST /webhooks/leads/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"{}")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


# Ids


def test_a_correlation_id_that_is_a_uuid_is_honoured_and_need_not_be_unique(client: httpx.Client, rows: Any) -> None:
    sent = str(uuid4())

    answers = [client.post("/", json=LEAD, headers={"X-Correlation-ID": sent.upper()}) for _ in range(2)]

    assert [answer.json()["correlation_id"] for answer in answers] == [sent, sent]
    assert rows("SELECT count(*) FROM inbound_lead WHERE correlation_id = %s", sent) == [(2,)]


def test_another_correlation_id_is_replaced(client: httpx.Client) -> None:
    answer = client.post("/", json=LEAD, headers={"X-Correlation-ID": "not-a-uuid"})

    assert answer.status_code == 200
    assert answer.json()["correlation_id"] == answer.headers["X-Correlation-ID"] != "not-a-uuid"


def test_a_refusal_carries_the_correlation_id_of_the_source(client: httpx.Client) -> None:
    sent = str(uuid4())

    answer = client.post("/", content=b"{", headers={**JSON, "X-Correlation-ID": sent})

    assert refused(answer, 400, "invalid_json")["correlation_id"] == sent


# Duplicates and idempotency


def test_the_same_key_and_body_again_is_a_duplicate_of_the_first(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": str(uuid4())}

    first = client.post("/", json=LEAD, headers=headers)
    again = client.post("/", json=LEAD, headers=headers)

    assert first.json()["status"] == "accepted"
    assert again.json() == {**first.json(), "status": "duplicate"}
    assert again.headers["X-Correlation-ID"] != first.json()["correlation_id"]


def test_the_same_key_with_another_body_is_refused(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    client.post("/", json=LEAD, headers=headers)

    refused(client.post("/", json={"other": 1}, headers=headers), 422, "idempotency_key_reused")


def test_a_key_counts_within_its_route(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    client.post("/open", json=LEAD, headers=headers)

    assert client.post("/once", json={"other": 1}, headers=headers).json()["status"] == "accepted"


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "käse"])
def test_a_malformed_key_is_refused_by_the_name_of_its_header(client: httpx.Client, key: str) -> None:
    answer = client.post("/", json=LEAD, headers={b"Idempotency-Key": key.encode()})

    assert "Idempotency-Key" in refused(answer, 400, "invalid_idempotency_key")["message"]


def test_leads_that_are_one_person_are_one_lead(client: httpx.Client, rows: Any) -> None:
    first = client.post("/once", json={"email": "anna@example.com", "address": {"zip": "66123"}, "n": 1}).json()
    again = client.post("/once", json={"email": " ANNA@example.com", "address": {"zip": "66123 "}, "n": 2}).json()
    other = client.post("/once", json={"email": "anna@example.com", "address": {"zip": "66124"}}).json()

    assert first["status"] == other["status"] == "accepted"
    assert again == {**first, "status": "duplicate"}
    [(kept,)] = rows("SELECT body FROM duplicate_lead WHERE lead_id = %s", first["lead_id"])
    assert json.loads(bytes(kept))["n"] == 2


@pytest.mark.parametrize("lead", [{"email": "berta@example.com"}, {"email": "b@example.com", "address": {"zip": " "}}])
def test_a_lead_without_one_of_the_fields_is_never_a_duplicate(client: httpx.Client, lead: dict[str, Any]) -> None:
    answers = [client.post("/once", json=lead).json() for _ in range(2)]

    assert [answer["status"] for answer in answers] == ["accepted", "accepted"]


# Secrets


@pytest.mark.parametrize("secret", [SECRET, OTHER_SECRET])
def test_either_secret_opens_a_closed_route(client: httpx.Client, secret: str) -> None:
    assert client.post("/closed", json=LEAD, headers={"X-Shared-Secret": secret}).status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"X-Shared-Secret": ""}, {"X-Shared-Secret": "wrong"}, {"Authorization": SECRET}]
)
def test_without_a_valid_one_it_stays_closed(client: httpx.Client, headers: dict[str, str]) -> None:
    answer = client.post("/closed", json=LEAD, headers=headers)

    refused(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"]


def test_the_body_does_not_open_a_route_without_such_a_field(client: httpx.Client) -> None:
    refused(client.post("/closed", json={"google_key": SECRET}), 401, "unauthorized")


def test_a_secret_in_the_body_opens_the_route_and_is_not_stored(client: httpx.Client, rows: Any) -> None:
    sent = f'{{"lead_id":"x", "google_key" : "{SECRET}" ,"n":1.0}}'.encode()

    answer = client.post("/form", content=sent, headers=JSON)

    assert answer.status_code == 200
    stored = stored_body(rows, answer.json()["lead_id"])
    assert stored == sent.replace(SECRET.encode(), b"[redacted]")


def test_a_secret_field_is_redacted_also_when_the_header_opened_the_route(client: httpx.Client, rows: Any) -> None:
    answer = client.post("/form", json={"google_key": "something"}, headers={"X-Shared-Secret": SECRET})

    assert json.loads(stored_body(rows, answer.json()["lead_id"])) == {"google_key": "[redacted]"}


@pytest.mark.parametrize("lead", [{}, {"google_key": "wrong"}, {"google_key": None}, {"google_key": [SECRET]}])
def test_a_wrong_secret_in_the_body_is_refused(client: httpx.Client, lead: dict[str, Any]) -> None:
    refused(client.post("/form", json=lead), 401, "unauthorized")


def test_what_authenticates_is_redacted_in_the_stored_headers(client: httpx.Client, rows: Any) -> None:
    headers = {
        b"X-Shared-Secret": SECRET.encode(),
        b"Authorization": b"Bearer hidden",
        b"Cookie": b"session=hidden",
        b"X-Api-Key": b"hidden",
        b"X-Campaign": "Frühling".encode("latin-1"),
    }

    lead_id = client.post("/closed", json=LEAD, headers=headers).json()["lead_id"]

    [(stored,)] = rows("SELECT headers FROM inbound_lead WHERE lead_id = %s", lead_id)
    assert "hidden" not in json.dumps(stored)
    assert SECRET not in json.dumps(stored)
    assert {stored[name] for name in ("x-shared-secret", "authorization", "cookie", "x-api-key")} == {"[redacted]"}
    assert stored["x-campaign"] == "Frühling"
    assert stored["content-type"] == "application/json"


# Refused


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b'{"a":1}{"b":2}', "invalid_json"),
        (b"\xef\xbb\xbf{}", "invalid_json"),
        (b"email=a", "invalid_json"),
        (b'{"a":NaN}', "not_finite"),
        (b'{"a":-Infinity}', "not_finite"),
        (b'{"a":1e999}', "number_too_large"),
        (b'"lead"', "not_an_object"),
        (b"[{}]", "not_an_object"),
        (b"null", "not_an_object"),
        (b'{"a":"\xff"}', "not_utf8"),
        (b'{"a":' + b"[" * 70 + b"]" * 70 + b"}", "too_deep"),
        (b"[" * 500_000, "too_deep"),
    ],
)
def test_a_body_that_is_no_lead_is_refused_with_a_reason(client: httpx.Client, body: bytes, code: str) -> None:
    refused(client.post("/", content=body, headers=JSON), 400, code)


@pytest.mark.parametrize("path", ["/nowhere", "/open/more", "//", "/%2F", "/%00", "/öffnen"])
def test_a_path_that_is_no_route_is_not_found(process: WebhookProcess, path: str) -> None:
    target = f"{process.url}/webhooks/leads{path}"

    refused(httpx.post(httpx.URL(target), json=LEAD), 404, "route_not_found")


@pytest.mark.parametrize("path", ["/", "/webhooks", "/webhooks/leadsx", "/docs", "/redoc", "/webhooks/"])
def test_another_path_is_not_found_in_the_same_form(process: WebhookProcess, path: str) -> None:
    refused(httpx.post(process.url + path, json=LEAD), 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/", "/open", "/nowhere"])
def test_another_method_is_refused_and_the_right_one_named(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path)

    refused(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"


def test_head_is_refused_without_a_body(client: httpx.Client) -> None:
    answer = client.head("/open")

    assert (answer.status_code, answer.content, answer.headers["Allow"]) == (405, b"", "POST")


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"]
)
def test_another_content_type_is_refused(client: httpx.Client, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}

    refused(client.post("/", content=b"{}", headers=headers), 415, "unsupported_media_type")


def test_a_compressed_body_is_refused(client: httpx.Client) -> None:
    answer = client.post("/", content=b"{}", headers={**JSON, "Content-Encoding": "gzip"})

    refused(answer, 415, "unsupported_content_encoding")
    assert answer.headers["Accept-Encoding"] == "identity"


def test_a_body_just_as_large_as_allowed_is_taken(client: httpx.Client) -> None:
    body = b'{"a":"' + b"x" * (1024 * 1024 - 8) + b'"}'

    assert len(body) == 1024 * 1024
    assert client.post("/", content=body, headers=JSON).status_code == 200


def test_a_larger_one_is_refused_by_its_length(client: httpx.Client) -> None:
    body = b'{"a":"' + b"x" * (1024 * 1024 - 7) + b'"}'

    assert "1048576" in refused(client.post("/", content=body, headers=JSON), 413, "body_too_large")["message"]


def test_a_larger_one_without_a_length_is_refused_while_it_arrives(client: httpx.Client) -> None:
    chunks = (b"x" * 65536 for _ in range(40))

    refused(client.post("/", content=chunks, headers=JSON), 413, "body_too_large")


def test_a_post_refused_unread_does_not_take_its_body_for_the_next_post(process: WebhookProcess) -> None:
    with socket.create_connection(("127.0.0.1", process.port), timeout=10) as connection:
        connection.sendall(
            b"POST /webhooks/leads/nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\nExpect: 100-continue\r\n\r\n"
        )
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk

    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"\r\nconnection: close\r\n" in answer


def test_large_bodies_made_to_be_slow_hold_nobody_else_up(process: WebhookProcess) -> None:
    slow = b'{"a":[' + b"[]," * 340_000 + b"1]}"

    async def post() -> tuple[Answered, int]:
        small = Answered()
        others = asyncio.create_task(post_all([process.port], itertools.repeat(b"{}"), connections=4, result=small))
        large = await post_all([process.port], iter([slow] * 5), connections=5, one_each=True)
        answered = len(small.answers)
        others.cancel()
        await asyncio.gather(others, return_exceptions=True)
        return large, answered

    large, answered = asyncio.run(post())

    assert large.codes() <= {200, 503}
    assert 200 in large.codes()
    assert answered >= 40


# The order of the checks: the cheap ones first


def test_a_route_that_is_not_there_is_said_before_anything_else(client: httpx.Client) -> None:
    refused(client.post("/nowhere", content=b"{", headers={"Content-Type": "text/plain"}), 404, "route_not_found")


def test_posts_beyond_the_limit_are_refused_before_they_are_read(client: httpx.Client) -> None:
    answers = [client.post("/limited", content=b"not json", headers={"Content-Type": "text/plain"}) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [415, 415, 415, 429, 429]
    refused(answers[-1], 429, "rate_limited")
    assert 50 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_type_and_size_are_checked_before_the_secret(client: httpx.Client) -> None:
    refused(client.post("/closed", content=b"{", headers={"Content-Type": "text/plain"}), 415, "unsupported_media_type")


def test_the_secret_is_checked_before_the_body(client: httpx.Client) -> None:
    refused(client.post("/closed", content=b"{", headers=JSON), 401, "unauthorized")


# What the process says of itself


def test_the_status_port_lists_the_hash_of_each_route(process: WebhookProcess, client: httpx.Client, rows: Any) -> None:
    lead_id = client.post("/", json=LEAD).json()["lead_id"]

    hashes = httpx.get(f"{process.status}/routes").json()["routes"]

    assert hashes.keys() == {f"default/{name}" for name in ("open", "closed", "form", "limited", "once")}
    assert [(hashes["default/open"],)] == rows("SELECT config_hash FROM inbound_lead WHERE lead_id = %s", lead_id)


def test_posts_are_counted_and_an_unknown_path_is_no_label(process: WebhookProcess, client: httpx.Client) -> None:
    client.post("/", json=LEAD)
    client.post("/a-path-of-my-own", json=LEAD)

    accepted = process.metric('leadgateway_webhook_posts_total{outcome="accepted",route="default/open"}')
    assert accepted is not None
    assert accepted >= 1
    assert process.metric('leadgateway_webhook_refusals_total{code="route_not_found"}')
    assert "a-path-of-my-own" not in httpx.get(f"{process.status}/metrics").text


def test_a_refused_post_can_be_found_in_the_log_by_its_correlation_id(
    process: WebhookProcess, client: httpx.Client
) -> None:
    sent = str(uuid4())

    client.post("/nowhere", json=LEAD, headers={"X-Correlation-ID": sent})

    assert sent in process.output or "left_out" in process.output
