"""The OpenAPI document is true: whatever it allows is taken, whatever it forbids refused, and every answer in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.building.published_routes import a_lead_route, a_secret, publish_routes
from tests.building.webhook import WebhookProcess

SECRET = "s3cret"


@pytest.fixture(scope="module")
def process(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, module_valkey_url: str
) -> Iterator[WebhookProcess]:
    folder: Path = tmp_path_factory.mktemp("published")
    publish_routes(
        folder,
        a_lead_route("open", default=True),
        a_lead_route("closed", source={"sharedSecrets": [{"name": "closed", "key": "key"}]}),
        a_secret("closed", key=SECRET),
    )
    with WebhookProcess(folder, database=module_database_url, redis=module_valkey_url) as webhook:
        yield webhook.until_ready()


# 422 answers a key that came with another body before, which no schema can say.
CONFIGURATION = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 404, 422, 429]
"""


def test_the_process_does_what_its_document_says(process: WebhookProcess, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)

    ended = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(tmp_path / "schemathesis.toml")),
            *("run", f"{process.url}/openapi.json", "--max-examples", "60", "--generation-database", "none"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Selected: 2/2" in ended.stdout


def test_the_document_describes_both_ways_to_post(process: WebhookProcess) -> None:
    answer = httpx.get(f"{process.url}/openapi.json")

    document = answer.json()
    assert answer.headers["Content-Type"] == "application/json"
    assert document["paths"].keys() == {"/webhooks/leads/", "/webhooks/leads/{path}"}
    for path in document["paths"].values():
        assert path["post"]["responses"].keys() == {
            "200", "400", "401", "404", "405", "408", "413", "415", "422", "429", "431", "500", "503",
        }  # fmt: skip


def test_the_document_can_be_asked_for_but_not_posted(process: WebhookProcess) -> None:
    answer = httpx.post(f"{process.url}/openapi.json", json={})

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert answer.json()["code"] == "method_not_allowed"
