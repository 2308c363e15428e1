"""A generation that can't be accepted changes nothing: the last accepted one goes on, and the conditions say so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.operator.rig.gateway import Gateway
from tests.operator.rig.manifests import leadroute
from tests.operator.rig.waiting import wait_until

GOOD_TEST = {"name": "an address", "lead": {"email": "A@example.com"}, "deliver": {"customer_email": "a@example.com"}}
BAD_TEST = {"name": "an address", "lead": {"email": "A@example.com"}, "deliver": {"customer_email": "b@example.com"}}


def uneven_pattern() -> dict[str, Any]:
    return {"rules": [{"code": "ZIP", "field": "address.zip", "matches": "^66(\\d{3}$"}]}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"validation": uneven_pattern()}, "spec.validation.rules[0].matches"),
        ({"validation": {"rules": [{"code": "X", "cel": "lead.budget >="}]}}, "spec.validation.rules[0].cel"),
        (
            {"validation": {"rules": [{"code": "X", "cel": "lead.a.all(x, lead.a.all(y, lead.a.all(z, z == x)))"}]}},
            "spec.validation.rules[0].cel",
        ),
        ({"mapping": {"a": {"from": "x"}, "a.b": {"from": "y"}}}, "spec.mapping"),
    ],
)
def test_what_the_schema_can_not_check_becomes_a_condition_that_names_the_field(
    gateway: Gateway, spec: dict[str, Any], field: str
) -> None:
    gateway.start_operator()

    gateway.apply("solar", **spec)

    condition = gateway.wait_for("solar", "Accepted", "False", "Invalid")
    assert field in condition["message"]
    assert "nothing of this LeadRoute runs" in condition["message"]
    assert gateway.condition("solar", "TestsPassed")["status"] == "Unknown"
    assert gateway.entry("solar") is None


def test_every_problem_is_named_at_once(gateway: Gateway) -> None:
    gateway.start_operator()

    gateway.apply("solar", validation=uneven_pattern(), mapping={"a": {"cel": "lead.("}})

    message = gateway.wait_for("solar", "Accepted", "False", "Invalid")["message"]
    assert "spec.validation.rules[0].matches" in message
    assert "spec.mapping[a].cel" in message


def test_a_generation_that_is_not_accepted_leaves_the_last_accepted_one_running(gateway: Gateway) -> None:
    gateway.start_pods()
    gateway.start_operator()
    gateway.apply("solar")
    gateway.wait_for("solar", "Ready", "True")
    before = gateway.entry("solar")
    hash_ = gateway.status("solar")["configHash"]

    gateway.apply("solar", validation=uneven_pattern())

    accepted = gateway.wait_for("solar", "Accepted", "False", "Invalid")
    assert accepted["message"].endswith("Meanwhile generation 1 keeps running.")
    assert gateway.condition("solar", "Programmed")["reason"] == "NotAccepted"
    assert gateway.condition("solar", "Ready")["status"] == "False"
    assert gateway.entry("solar") == before
    assert gateway.status("solar")["configHash"] == hash_
    assert gateway.accepted_generation("solar") == 1


def test_a_mended_generation_takes_over_and_the_old_record_goes(gateway: Gateway) -> None:
    gateway.start_pods()
    gateway.start_operator()
    gateway.apply("solar")
    gateway.apply("solar", validation=uneven_pattern())
    gateway.wait_for("solar", "Accepted", "False", "Invalid")

    gateway.apply("solar", validation={"evaluate": "normalized", "rules": []})

    gateway.wait_for("solar", "Ready", "True")
    assert gateway.accepted_generation("solar") == 3
    wait_until(lambda: len(gateway.revisions()) == 1, within=15, what="the older record being removed")


def test_an_example_that_fails_is_shown_with_its_difference_and_the_generation_does_not_run(gateway: Gateway) -> None:
    gateway.start_pods()
    gateway.start_operator()
    gateway.apply("solar", tests=[GOOD_TEST])
    gateway.wait_for("solar", "Ready", "True")

    gateway.apply("solar", tests=[BAD_TEST], paused=True)

    failed = gateway.wait_for("solar", "TestsPassed", "False", "ExampleFailed")
    assert failed["message"].splitlines() == [
        "an address: it would be delivered with other contents:",
        '  customer_email: expected "b@example.com", got "a@example.com"',
    ]
    assert gateway.condition("solar", "Accepted")["reason"] == "TestsFailed"
    entry = gateway.entry("solar")
    assert entry is not None
    assert "paused" not in entry["spec"]


def test_examples_that_come_out_are_counted(gateway: Gateway) -> None:
    gateway.start_operator()

    gateway.apply("solar", tests=[GOOD_TEST])

    assert gateway.wait_for("solar", "TestsPassed", "True", "AllPassed")["message"] == "all 1 tests passed"


def test_an_older_leadroute_edited_onto_a_younger_ones_path_does_not_take_its_leads(gateway: Gateway) -> None:
    gateway.start_operator()
    gateway.apply("older", path="one")
    gateway.wait_for("older", "Accepted", "True")
    gateway.apply("younger", path="two")
    gateway.wait_for("younger", "Accepted", "True")

    gateway.apply("older", path="two")

    condition = gateway.wait_for("older", "Accepted", "False", "PathConflict")
    assert f"path two is held by LeadRoute {gateway.team}/younger" in condition["message"]
    entry = gateway.entry("older")
    assert entry is not None
    assert entry["spec"]["path"] == "one"
    assert gateway.condition("younger", "Accepted")["status"] == "True"


def test_a_path_that_becomes_free_goes_to_the_one_that_waits(gateway: Gateway) -> None:
    gateway.start_operator()
    gateway.apply("holder", path="one")
    gateway.wait_for("holder", "Accepted", "True")
    gateway.apply("waiting", path="one")
    gateway.wait_for("waiting", "Accepted", "False", "PathConflict")

    gateway.api.delete(gateway.path("holder"))

    gateway.wait_for("waiting", "Accepted", "True")
    assert gateway.published() == {f"{gateway.team}.waiting.json"}


def test_there_is_one_default_route(gateway: Gateway) -> None:
    gateway.start_operator()
    gateway.apply("first", default=True)
    gateway.wait_for("first", "Accepted", "True")

    gateway.apply("second", default=True)

    condition = gateway.wait_for("second", "Accepted", "False", "PathConflict")
    assert "spec.default" in condition["message"]
    assert f"{gateway.team}/first" in condition["message"]


def large(size: int) -> dict[str, Any]:
    """A spec that takes about `size` bytes."""
    values = ["x" * 1000 for _ in range(size // 1003)]
    portions = [values[start : start + 500] for start in range(0, len(values), 500)]
    return {"validation": {"rules": [{"code": "R", "field": "a", "in": portion} for portion in portions]}}


def test_a_leadroute_that_alone_exceeds_a_shard_is_too_large_and_hurts_no_other(gateway: Gateway) -> None:
    gateway.shards = 1
    gateway.start_operator()
    gateway.apply("small")

    gateway.apply("huge", **large(950_000))

    condition = gateway.wait_for("huge", "Accepted", "False", "TooLarge")
    assert "shard 0 has room for" in condition["message"]
    gateway.wait_for("small", "Accepted", "True")
    assert gateway.published() == {f"{gateway.team}.small.json"}


def test_a_shard_near_its_limit_takes_what_fits_and_no_more(gateway: Gateway) -> None:
    gateway.shards = 1
    gateway.start_operator()
    for name in ("one", "two", "three"):
        gateway.apply(name, **large(290_000))
        gateway.wait_for(name, "Accepted", "True")
    size = sum(map(len, gateway.config_maps()["lead-gateway-routes-0"].values()))
    assert 860_000 < size < 900 * 1024

    gateway.apply("four", **large(100_000))
    gateway.wait_for("four", "Accepted", "False", "TooLarge")
    gateway.apply("one", **large(100_000))

    gateway.wait_for("four", "Accepted", "True")
    assert len(gateway.published()) == 4


def test_a_leadroute_that_nests_thousands_of_levels_deep_is_refused_and_stops_nothing(gateway: Gateway) -> None:
    gateway.start_operator()
    body = json.dumps(leadroute("deep", gateway.team, mapping={"a": {"value": "NESTED"}}))
    response = gateway.api.client.post(
        gateway.path("").rstrip("/"),
        content=body.replace('"NESTED"', "[" * 9000 + "]" * 9000),
        headers={"Content-Type": "application/json"},
    )
    assert response.status_code == 201, response.text

    condition = wait_until(lambda: condition_of_deep(gateway), within=20, what="the deep LeadRoute being judged")
    assert condition["reason"] == "Invalid"
    assert "deep" in condition["message"]
    gateway.apply("solar")
    gateway.wait_for("solar", "Accepted", "True")
    assert gateway.operator.is_ready()


def condition_of_deep(gateway: Gateway) -> dict[str, str]:
    """Read by kubectl's jsonpath: Python's own JSON reader gives up on the object."""
    path = "{range .status.conditions[?(@.type=='Accepted')]}{.reason}|{.message}{end}"
    done = gateway.cluster.kubectl("get", "lr", "deep", "-n", gateway.team, "-o", f"jsonpath={path}")
    reason, _, message = done.stdout.partition("|")
    return {"reason": reason, "message": message} if reason else {}
