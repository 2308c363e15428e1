"""The plan: which version of each LeadRoute runs, and what is said of the others. Pure, so without a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from leadgateway.route.shard import read_entry
from leadgateway_operator.conditions import Reason
from leadgateway_operator.evaluate import Sound, evaluate
from leadgateway_operator.observed import Observed, ObservedRevision, ObservedRoute, ObservedSecret
from leadgateway_operator.packing import WITHHELD, Packer
from leadgateway_operator.plan import Plan, conflicts, make_plan, specs

SPEC: dict[str, Any] = {"mapping": {"a": {"from": "a"}}, "endpoint": {"url": "https://customer.example/"}}
BROKEN = SPEC | {"validation": {"rules": [{"code": "X", "field": "a", "matches": "("}]}}
WITH_TOKEN = SPEC | {"endpoint": {"url": "https://customer.example/", "token": {"name": "s", "key": "token"}}}


def route(name: str = "solar", *, generation: int = 1, namespace: str = "team", **spec: Any) -> ObservedRoute:
    return ObservedRoute(
        uid=f"uid-{namespace}-{name}",
        namespace=namespace,
        name=name,
        generation=generation,
        created="2026-01-01T00:00:00Z",
        deleting=False,
        spec=json.dumps(SPEC | spec).encode(),
    )


def accepted(owner: ObservedRoute, *, generation: int | None = None, **spec: Any) -> ObservedRevision:
    number = owner.generation if generation is None else generation
    text = json.dumps(SPEC | spec).encode() if spec or generation is not None else owner.spec
    return ObservedRevision(f"r-{number}", owner.namespace, f"{owner.name}.{number}", owner.uid, number, text)


def secret(name: str = "s", *, namespace: str = "team", **values: str) -> ObservedSecret:
    return ObservedSecret("uid", namespace, name, {key: value.encode() for key, value in values.items()})


def plan(
    routes: Iterable[ObservedRoute],
    revisions: Iterable[ObservedRevision] = (),
    secrets: Iterable[ObservedSecret] = (),
    **more: Any,
) -> Plan:
    observed = Observed(tuple(routes), tuple(revisions), tuple(secrets))
    versions = {key: evaluate(namespace=s.namespace, name=s.name, spec=s.text) for key, s in specs(observed).items()}
    return make_plan(observed, versions, Packer(4, b"k" * 32), **more)


def test_a_sound_leadroute_is_accepted_recorded_and_published() -> None:
    solar = route()

    made = plan([solar])

    standing = made.standings[solar.uid]
    assert standing.accepted.reason is Reason.ACCEPTED
    assert made.to_record == (solar,)
    assert [read_entry(packed.entry).name for packed in made.published()] == ["solar"]


def test_what_is_recorded_already_is_not_recorded_again() -> None:
    solar = route()

    made = plan([solar], [accepted(solar)])

    assert made.to_record == ()
    assert made.obsolete == ()
    assert len(made.published()) == 1


def test_a_broken_edit_leaves_the_recorded_version_running() -> None:
    edited = route(generation=2, **BROKEN)
    first = accepted(edited, generation=1, path="before")

    made = plan([edited], [first])

    standing = made.standings[edited.uid]
    assert standing.accepted.reason is Reason.INVALID
    assert standing.running is not None
    assert standing.running.generation == 1
    assert made.published()[0].path == "before"
    assert made.obsolete == ()


def test_an_accepted_edit_makes_the_older_record_obsolete() -> None:
    edited = route(generation=2)
    first = accepted(edited, generation=1)

    made = plan([edited], [first])

    assert made.to_record == (edited,)
    assert made.obsolete == (first,)


def test_of_two_records_the_newer_one_runs_and_the_older_one_goes() -> None:
    edited = route(generation=3, **BROKEN)
    older, newer = accepted(edited, generation=1, path="one"), accepted(edited, generation=2, path="two")

    made = plan([edited], [newer, older])

    assert made.published()[0].path == "two"
    assert made.obsolete == (older,)


def test_a_record_in_another_namespace_counts_for_nothing() -> None:
    broken = route(**BROKEN)
    forged = replace(accepted(broken, generation=1), namespace="elsewhere")

    made = plan([broken], [forged])

    assert made.published() == []
    assert made.obsolete == ()


def test_a_record_whose_leadroute_is_gone_is_left_to_the_garbage_collector() -> None:
    made = plan([], [accepted(route())])

    assert made.published() == []
    assert made.obsolete == ()


def test_a_leadroute_that_is_being_deleted_runs_no_more_and_gets_no_record() -> None:
    leaving = replace(route(), deleting=True)

    made = plan([leaving], [accepted(leaving)])

    assert made.standings == {}
    assert made.published() == []
    assert made.obsolete == ()


def test_credentials_are_published_with_a_fingerprint() -> None:
    made = plan([route(**WITH_TOKEN)], secrets=[secret(token="t0ken")])

    (packed,) = made.published()
    assert packed.credentials == b'{"headers":{},"sharedSecrets":[],"token":"t0ken"}'
    assert b"t0ken" not in packed.entry
    assert read_entry(packed.entry).fingerprint not in (None, WITHHELD)


def test_another_token_is_another_hash() -> None:
    hashes = {plan([route(**WITH_TOKEN)], secrets=[secret(token=t)]).published()[0].config_hash for t in ("a", "b")}

    assert len(hashes) == 2


def test_without_its_credentials_a_new_leadroute_is_not_published() -> None:
    waiting = route(**WITH_TOKEN)

    made = plan([waiting])

    assert made.standings[waiting.uid].accepted.reason is Reason.CREDENTIALS_MISSING
    assert made.published() == []


def test_a_running_version_that_loses_its_credentials_keeps_its_place_and_no_pod_can_load_it() -> None:
    solar = route(**WITH_TOKEN)

    made = plan([solar], [accepted(solar)])

    (packed,) = made.published()
    assert read_entry(packed.entry).fingerprint == WITHHELD
    assert packed.credentials is None
    assert made.standings[solar.uid].accepted.reason is Reason.CREDENTIALS_MISSING


def test_a_secret_of_another_namespace_is_not_taken() -> None:
    made = plan([route(**WITH_TOKEN)], secrets=[secret(namespace="elsewhere", token="t0ken")])

    assert made.published() == []


def test_a_recorded_version_that_a_newer_release_finds_flawed_keeps_its_path() -> None:
    solar = route(path="kept", **{k: v for k, v in BROKEN.items() if k != "path"})

    made = plan([solar], [accepted(solar)])

    (packed,) = made.published()
    assert packed.path == "kept"
    assert read_entry(packed.entry).fingerprint == WITHHELD
    assert made.standings[solar.uid].accepted.reason is Reason.INVALID


def test_a_spec_that_could_not_be_recorded_does_not_run() -> None:
    solar = route()

    made = plan([solar], unrecordable={solar.uid: "exceeded quota"})

    condition = made.standings[solar.uid].accepted
    assert condition.reason is Reason.NOT_RECORDED
    assert "exceeded quota" in condition.message
    assert made.published() == []


def test_a_conflict_is_told_with_the_holder_and_what_to_do() -> None:
    holder, late = route("a", path="p"), route("b", path="p")

    made = plan([holder, late])

    condition = made.standings[late.uid].accepted
    assert condition.reason is Reason.PATH_CONFLICT
    assert condition.message == (
        "spec.path: path p is held by LeadRoute team/a; choose another path, or give it up there first. "
        "Meanwhile nothing of this LeadRoute runs."
    )


def test_admission_knows_the_conflicts_of_a_leadroute_that_is_not_there_yet() -> None:
    made = plan([route("a", path="p", default=True)])
    version = evaluate(namespace="team", name="b", spec=json.dumps(SPEC | {"path": "p", "default": True}).encode())
    assert isinstance(version, Sound)

    assert len(conflicts(made, "team/b", version)) == 2
    assert conflicts(made, "team/a", version) == []


def test_the_default_path_is_the_name() -> None:
    assert plan([route("solar")]).published()[0].path == "solar"


def test_the_order_of_what_was_seen_changes_nothing() -> None:
    routes = [route("a", path="p"), route("b", path="p"), route("c")]

    assert plan(routes).published() == plan(reversed(routes)).published()
