"""The status port answers from a thread of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from leadgateway.telemetry.status_port import Health, StatusPort


@contextmanager
def status_port(health: Health, registry: CollectorRegistry | None = None) -> Iterator[str]:
    port = StatusPort(
        "127.0.0.1",
        0,
        health=lambda: health,
        routes=lambda: {"default/solar": "9f2c"},
        registry=registry or CollectorRegistry(),
    )
    port.start()
    try:
        yield f"http://127.0.0.1:{port.port}"
    finally:
        port.close()


@pytest.mark.parametrize(
    ("health", "healthz", "readyz"),
    [
        (Health(alive=True, ready=True), 200, 200),
        (Health(alive=True, ready=False), 200, 503),
        (Health(alive=False, ready=True), 503, 503),
    ],
)
def test_a_probe_gets_the_state_of_the_process(health: Health, healthz: int, readyz: int) -> None:
    with status_port(health) as url:
        assert httpx.get(f"{url}/healthz").status_code == healthz
        assert httpx.get(f"{url}/readyz").status_code == readyz


def test_the_state_of_each_dependency_is_in_the_body() -> None:
    with status_port(Health(alive=True, ready=True, details={"database": "away"})) as url:
        assert httpx.get(f"{url}/readyz").json() == {"status": "ok", "database": "away"}


def test_the_loaded_hash_of_each_route_is_listed() -> None:
    with status_port(Health(alive=True, ready=True)) as url:
        assert httpx.get(f"{url}/routes").json() == {"routes": {"default/solar": "9f2c"}}


def test_metrics_are_exposed_without_creation_times() -> None:
    registry = CollectorRegistry()
    Counter("leads_seen", "Leads seen.", registry=registry).inc(3)

    with status_port(Health(alive=True, ready=True), registry) as url:
        text = httpx.get(f"{url}/metrics").text

    assert "leads_seen_total 3.0" in text
    assert "_created" not in text


def test_an_unknown_path_is_not_found_and_names_those_that_exist() -> None:
    with status_port(Health(alive=True, ready=True)) as url:
        answer = httpx.get(f"{url}/nothing")

    assert answer.status_code == 404
    assert "/healthz" in answer.json()["paths"]


def test_a_port_that_is_taken_is_an_error_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(OSError, match="in use"):
            StatusPort(
                "127.0.0.1",
                taken.getsockname()[1],
                health=lambda: Health(alive=True, ready=True),
                routes=dict,
            )
