"""Neither secrets nor anything of a lead ever leaves the process but into the database and the answer."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx

from leadgateway.dev.postgres import EmbeddedPostgres
from tests.building.published_routes import a_lead_route, a_secret, publish_routes
from tests.building.waiting import eventually
from tests.building.webhook import WebhookProcess

SECRET = "kr7-secret-of-the-source"
CONTENT = "qx9-content-of-a-lead"
ROUTE = a_lead_route(
    "form",
    default=True,
    source={
        "sharedSecrets": [{"name": "form", "key": "key"}],
        "sharedSecretField": "google_key",
        "deduplicate": {"fields": ["email"], "window": "24h"},
    },
)


def provoke(webhook: WebhookProcess) -> None:
    """Posts of every kind, each with the secret and contents in it."""
    headers = {"X-Shared-Secret": SECRET, "X-Content": CONTENT}
    as_json = {**headers, "Content-Type": "application/json"}
    lead = {"google_key": SECRET, "email": CONTENT, CONTENT: CONTENT}
    with httpx.Client(base_url=webhook.leads, timeout=10) as client:
        for _ in range(2):
            client.post("", json=lead)
            client.post("", json=lead, headers={**headers, "Idempotency-Key": CONTENT})
        client.post("", json={**lead, "more": 1}, headers={**headers, "Idempotency-Key": CONTENT})
        client.post("", json={**lead, "google_key": f"wrong-{CONTENT}"})
        client.post("", json=lead, headers={"X-Shared-Secret": f"wrong-{CONTENT}"})
        client.post("", content=f'{{"email":"{CONTENT}",'.encode(), headers=as_json)
        client.post("", content=CONTENT.encode() + b"\xff", headers=as_json)
        client.post("", content=CONTENT.encode(), headers={**headers, "Content-Type": f"text/{CONTENT}"})
        client.post("", json=lead, headers={**headers, "Idempotency-Key": f"bad key {CONTENT}"})
        client.post(CONTENT, json=lead, params={"key": SECRET}, headers=headers)
    with socket.create_connection(("127.0.0.1", webhook.port), timeout=10) as connection:
        connection.sendall(f"NONSENSE {SECRET} {CONTENT}\r\n\r\n".encode())
        connection.recv(1000)


def test_secrets_and_contents_are_in_no_log_and_no_metric(
    tmp_path: Path, postgres_server: EmbeddedPostgres, database_url: str, valkey_url: str
) -> None:
    publish_routes(tmp_path, ROUTE, a_secret("form", key=SECRET))
    with WebhookProcess(tmp_path, database=database_url, redis=valkey_url, LEADGATEWAY_LOG_LEVEL="debug") as webhook:
        provoke(webhook.until_ready())
        eventually(lambda: webhook.event("post.answered"))
        postgres_server.stop()
        try:
            provoke(webhook)
        finally:
            postgres_server.start()
        told = "".join(
            httpx.get(f"{webhook.status}{path}").text for path in ("/metrics", "/routes", "/readyz", "/healthz")
        )

    password = database_url.partition("://")[2].partition("@")[0].partition(":")[2]
    told += webhook.output
    assert "post.refused" in told
    for hidden in (SECRET, CONTENT, password, valkey_url.partition(":")[2].partition("@")[0].strip("/:")):
        assert hidden
        assert hidden not in told
