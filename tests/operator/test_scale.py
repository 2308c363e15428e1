"""A thousand LeadRoutes at once, and ten thousand: in time, in few writes, in little memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import yaml

from tests.operator.rig.cluster import REPOSITORY
from tests.operator.rig.gateway import Gateway
from tests.operator.rig.manifests import LEADROUTES, secret
from tests.operator.rig.operator_process import OperatorProcess
from tests.operator.rig.waiting import wait_until

SAMPLE = REPOSITORY / "crds" / "samples" / "solar-saarland.yaml"
STATUS_WRITES = "leadgateway_operator_status_writes_total"
CONFIG_MAP_WRITES = 'leadgateway_operator_shard_writes_total{kind="routes"}'


def realistic_spec() -> dict[str, Any]:
    """The spec of the sample that the documentation shows, tests included."""
    route = next(doc for doc in yaml.safe_load_all(SAMPLE.read_text()) if doc["kind"] == "LeadRoute")
    spec: dict[str, Any] = route["spec"]
    return {key: value for key, value in spec.items() if key not in {"path", "default"}}


def apply_at_once(gateway: Gateway, count: int) -> float:
    """Apply LeadRoutes as fast as the API server takes them; returns the time of the last one."""
    values = {"token": "token-token", "webhook-secret": "shared-secret", "api-key": "an-api-key"}
    body = secret("solar-saarland", gateway.team, values)
    gateway.api.apply(f"/api/v1/namespaces/{gateway.team}/secrets/solar-saarland", body)
    spec = realistic_spec()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: gateway.apply(f"route-{number:05}", **spec), range(count)))
    return time.monotonic()


@contextmanager
def peak_memory(operator: OperatorProcess) -> Iterator[list[float]]:
    """Sample the resident memory of an operator; the list's only element is the highest value, in MiB."""
    highest = [0.0]
    stopping = threading.Event()

    def sample() -> None:
        while not stopping.wait(0.2):
            highest[0] = max(highest[0], operator.resident_mebibytes())

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield highest
    finally:
        stopping.set()
        thread.join()


def wait_until_all_are_accepted(gateway: Gateway, count: int, *, within: float) -> None:
    """Wait until each status says so. That is asked of the API server once it can be: the answer is large."""

    def are_accepted() -> bool:
        try:
            measured = gateway.operator.metrics()
        except httpx.TransportError:  # it has much to do
            return False
        if measured.get(STATUS_WRITES, 0) < count:
            return False
        statuses = [
            item.get("status", {}) for item in gateway.api.items(f"{LEADROUTES}/namespaces/{gateway.team}/leadroutes")
        ]
        return sum(is_accepted(status) for status in statuses) == count

    wait_until(are_accepted, within=within, what="all being accepted", interval=0.5)


def is_accepted(status: dict[str, Any]) -> bool:
    return any(c["type"] == "Accepted" and c["status"] == "True" for c in status.get("conditions", ()))


@pytest.mark.timeout(300)
def test_a_thousand_leadroutes_are_accepted_soon_after_the_last_apply(
    gateway: Gateway, report_figure: Callable[[str], None]
) -> None:
    gateway.shards = 8
    operator = gateway.start_operator(RESYNC_SECONDS="60")
    began = time.monotonic()

    with peak_memory(operator) as memory:
        last = apply_at_once(gateway, 1000)
        wait_until_all_are_accepted(gateway, 1000, within=90)
        took = time.monotonic() - last

    writes = operator.metrics()[CONFIG_MAP_WRITES]
    report_figure(
        f"1,000 LeadRoutes: applied in {last - began:.1f} s, all accepted {took:.1f} s after the last "
        f"(aim 30 s), {writes:.0f} ConfigMap writes, {memory[0]:.0f} MiB"
    )
    assert len(gateway.published()) == 1000
    assert writes < 100
    assert memory[0] < 200


@pytest.mark.timeout(300)
def test_a_new_operator_starts_quickly_from_three_thousand_leadroutes(
    gateway: Gateway, report_figure: Callable[[str], None]
) -> None:
    gateway.shards = 48
    operator = gateway.start_operator()
    apply_at_once(gateway, 3_000)
    wait_until_all_are_accepted(gateway, 3_000, within=180)

    operator.kill()
    operator.start()
    started = time.monotonic()
    operator.wait_until_ready(within=30)

    report_figure(f"3,000 LeadRoutes: a new operator is ready after {time.monotonic() - started:.1f} s (aim 10 s)")
    assert len(gateway.published()) == 3_000


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_ten_thousand_leadroutes_are_accepted_within_five_minutes(
    gateway: Gateway, report_figure: Callable[[str], None]
) -> None:
    gateway.shards = 64
    operator = gateway.start_operator(RESYNC_SECONDS="60")
    began = time.monotonic()

    with peak_memory(operator) as memory:
        last = apply_at_once(gateway, 10_000)
        wait_until_all_are_accepted(gateway, 10_000, within=900)
        took = time.monotonic() - began

    report_figure(
        f"10,000 LeadRoutes: applied in {last - began:.0f} s, all accepted {took:.0f} s after the first "
        f"(aim 300 s), {operator.metrics()[CONFIG_MAP_WRITES]:.0f} ConfigMap writes, {memory[0]:.0f} MiB"
    )
    assert len(gateway.published()) == 10_000
    # A change among ten thousand is still one status, and is served at once.
    writes = operator.metrics()[STATUS_WRITES]
    edited = time.monotonic()
    gateway.apply("route-05000", **realistic_spec(), paused=True)
    gateway.wait_for("route-05000", "Accepted", "True", within=60)
    report_figure(f"10,000 LeadRoutes: an edit among them is accepted after {time.monotonic() - edited:.1f} s")
    assert operator.metrics()[STATUS_WRITES] - writes <= 2
    # A new operator starts from all of them and writes nothing.
    operator.kill()
    operator.start()
    started = time.monotonic()
    operator.wait_until_ready(within=240)
    report_figure(f"10,000 LeadRoutes: a new operator is ready after {time.monotonic() - started:.0f} s")
    assert operator.metrics().get(CONFIG_MAP_WRITES, 0) == 0
