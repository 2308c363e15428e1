"""The smaller decisions: pace, pulse, settings, reading specs, asking pods."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from aiohttp import web

from leadgateway.settings import InvalidSettings, load
from leadgateway_operator.evaluate import Flawed, evaluate
from leadgateway_operator.fleet import Fleet, Pod
from leadgateway_operator.observed import observe_revision, observe_route, observe_secret
from leadgateway_operator.pacing import Pace
from leadgateway_operator.pulse import Pulse
from leadgateway_operator.roll_call import RollCall
from leadgateway_operator.settings import OperatorSettings
from leadgateway_operator.spec_text import MAX_DEPTH, read_spec, write_spec

METADATA = {
    "uid": "u",
    "namespace": "team",
    "name": "solar",
    "generation": 1,
    "creationTimestamp": "2026-01-01T00:00:00Z",
}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_lone_change_is_served_at_once() -> None:
    assert Pace().pause(100.0) < 0.5


def test_a_flood_is_gathered_into_fewer_and_fewer_rebuilds() -> None:
    pace, now, rebuilds = Pace(), 0.0, 0
    while now < 30:
        now += pace.pause(now) + 0.1
        pace.acted(now)
        rebuilds += 1

    assert rebuilds <= 11


def test_after_a_calm_a_change_is_served_at_once_again() -> None:
    pace = Pace()
    for second in range(10):
        pace.pause(float(second))
        pace.acted(float(second))

    assert pace.pause(60.0) < 0.5


def test_an_operator_that_attempts_nothing_is_not_alive() -> None:
    clock = Clock()
    pulse = Pulse(60, clock)
    pulse.attempted(succeeded=True)
    assert pulse.health().alive
    assert pulse.health().ready

    clock.now = 301

    assert not pulse.health().alive


def test_an_api_server_that_is_away_for_a_while_is_no_reason_to_die() -> None:
    clock = Clock()
    pulse = Pulse(60, clock)
    for second in range(0, 800, 30):
        clock.now = second
        pulse.attempted(succeeded=False)

    assert pulse.health().alive
    assert not pulse.health().ready


def test_failing_for_a_quarter_of_an_hour_is() -> None:
    clock = Clock()
    pulse = Pulse(60, clock)
    for second in range(0, 960, 30):
        clock.now = second
        pulse.attempted(succeeded=False)

    assert not pulse.health().alive
    assert pulse.seconds_since_success() == 930


def test_namespaces_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADGATEWAY_OPERATOR_WATCH_NAMESPACES", " b, a,a ,")

    assert load(OperatorSettings).watch_namespaces == ("a", "b")


def test_all_namespaces_are_served_unless_some_are_named() -> None:
    assert load(OperatorSettings).watch_namespaces == ()


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("WATCH_NAMESPACES", "Team_A", "Team_A can't be a namespace"),
        ("SHARDS", "0", "greater than or equal to 1"),
        ("SHARDS", "257", "less than or equal to 256"),
        ("STATUS_PORT", "70000", "less than or equal to 65535"),
        ("ADMISSION_PORT", "9443", "LEADGATEWAY_OPERATOR_ADMISSION_CERTIFICATE"),
    ],
)
def test_a_setting_that_can_not_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"LEADGATEWAY_OPERATOR_{variable}", value)

    with pytest.raises(InvalidSettings) as refused:
        load(OperatorSettings)

    assert sentence in str(refused.value)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_a_spec_is_read_up_to_a_depth_and_no_further() -> None:
    assert read_spec(write_spec(nested(MAX_DEPTH - 1))) is not None
    assert read_spec(write_spec(nested(MAX_DEPTH + 1))) is None


def test_a_spec_of_any_depth_is_judged_and_none_raises() -> None:
    for depth in (10, 100, 199, 250, 2000):
        spec = {"mapping": {"a": {"value": nested(depth)}}, "endpoint": {"url": "https://customer.example/"}}
        body = {"metadata": METADATA, "spec": spec}
        version = evaluate(namespace="team", name="solar", spec=observe_route(body).spec)
        assert isinstance(version, Flawed) is (depth > 64), depth


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": METADATA},
        {"metadata": METADATA | {"ownerReferences": [{"uid": "o"}]}, "data": {"spec": {}}},
        {"metadata": METADATA | {"ownerReferences": [{"uid": "o", "controller": True}]}, "data": None},
        {"metadata": METADATA | {"ownerReferences": [{"uid": "o", "controller": True}]}, "data": {"spec": []}},
    ],
)
def test_a_revision_that_is_none_of_ours_is_ignored(body: Mapping[str, Any]) -> None:
    assert observe_revision(body) is None


def test_a_secret_without_data_has_no_values() -> None:
    assert observe_secret({"metadata": METADATA}).values == {}


def test_secrets_are_in_no_repr() -> None:
    observed = observe_secret({"metadata": METADATA, "data": {"token": "czNjcmV0"}})

    assert "s3cret" not in repr(observed)
    assert observed.values == {"token": b"s3cret"}


async def ask(answer: web.Response, *, times: int = 1) -> list[Fleet]:
    """Ask one pod that answers like this."""

    async def routes(_: web.Request) -> web.Response:
        return web.Response(status=answer.status, body=answer.body)

    app = web.Application()
    app.router.add_get("/routes", routes)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    pod = Pod("webhook", "webhook-0", f"http://127.0.0.1:{port}")
    async with RollCall() as roll_call:
        fleets = [await roll_call.ask([pod]) for _ in range(times)]
        await runner.cleanup()
        return [*fleets, await roll_call.ask([pod])]


def body(routes: object) -> web.Response:
    return web.Response(body=orjson.dumps(routes))


def test_a_pod_says_what_it_has_loaded() -> None:
    first, _ = asyncio.run(ask(body({"routes": {"team/solar": "hash"}})))

    assert first.tally("webhook", "team/solar", "hash").complete


def test_answers_that_did_not_change_are_the_same_object() -> None:
    first, second, _ = asyncio.run(ask(body({"routes": {"team/solar": "hash"}}), times=2))

    assert first.reports[0].loaded is second.reports[0].loaded


def test_the_last_answer_stands_in_for_a_moment() -> None:
    *_, gone = asyncio.run(ask(body({"routes": {"team/solar": "hash"}})))

    assert gone.reports[0].loaded == {"team/solar": "hash"}


@pytest.mark.parametrize(
    "answer",
    [body([]), body({"routes": []}), body({}), web.Response(body=b"<html>"), web.Response(status=503, body=b"{}")],
)
def test_what_is_no_answer_of_a_status_port_counts_as_none(answer: web.Response) -> None:
    first, _ = asyncio.run(ask(answer))

    assert first.reports[0].loaded is None
    assert first.tally("webhook", "team/solar", "hash").unreachable == 1
