"""Two hundred random steps end in exactly the shards that a fresh operator would write."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from leadgateway_operator.evaluate import evaluate
from leadgateway_operator.observed import Observed, observe_revision, observe_route, observe_secret
from leadgateway_operator.packing import Packer
from leadgateway_operator.plan import make_plan, specs
from tests.operator.rig.gateway import Gateway
from tests.operator.rig.manifests import secret, with_token
from tests.operator.rig.waiting import wait_until

STEPS = 200
NAMES = st.sampled_from(["ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "oak"])
PATHS = st.sampled_from(["north", "east", "south", "west"])
SECRETS = st.sampled_from(["one", "two"])
BROKEN = {"rules": [{"code": "X", "field": "a", "matches": "("}]}
FAILING = [{"name": "one", "lead": {"email": "a@b.example"}, "deliver": {}}]


class Walk(RuleBasedStateMachine):
    """What people do to LeadRoutes and Secrets, in any order, without waiting for the operator."""

    gateway: Gateway
    steps = 0

    @rule(name=NAMES, path=PATHS, default=st.booleans(), paused=st.booleans())
    def apply(self, name: str, path: str, default: bool, paused: bool) -> None:
        self.put(name, path=path, default=default, paused=paused)

    @rule(name=NAMES, path=PATHS, key=SECRETS)
    def apply_with_credentials(self, name: str, path: str, key: str) -> None:
        self.put(name, path=path, endpoint=with_token(key))

    @rule(name=NAMES, path=PATHS)
    def break_it(self, name: str, path: str) -> None:
        self.put(name, path=path, validation=BROKEN)

    @rule(name=NAMES, path=PATHS)
    def fail_its_tests(self, name: str, path: str) -> None:
        self.put(name, path=path, tests=FAILING)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        Walk.steps += 1
        self.gateway.api.delete(self.gateway.path(name))

    @rule(name=SECRETS, value=st.sampled_from(["first", "second", "unusable\n"]))
    def set_secret(self, name: str, value: str) -> None:
        Walk.steps += 1
        body = secret(name, self.gateway.team, {"token": value})
        self.gateway.api.apply(f"/api/v1/namespaces/{self.gateway.team}/secrets/{name}", body)

    @rule(name=SECRETS)
    def delete_secret(self, name: str) -> None:
        Walk.steps += 1
        self.gateway.api.delete(f"/api/v1/namespaces/{self.gateway.team}/secrets/{name}")

    @rule(
        index=st.integers(0, 3),
        kind=st.sampled_from(["configmaps/lead-gateway-routes", "secrets/lead-gateway-credentials"]),
    )
    def wipe_a_shard(self, index: int, kind: str) -> None:
        Walk.steps += 1
        self.gateway.api.delete(f"/api/v1/namespaces/{self.gateway.namespace}/{kind}-{index}")

    @rule()
    def kill_the_operator(self) -> None:
        Walk.steps += 1
        self.gateway.operator.kill()
        self.gateway.operator.start()

    def put(self, name: str, **spec: Any) -> None:
        Walk.steps += 1
        self.gateway.apply(name, **spec)

    def teardown(self) -> None:
        wait_until(lambda: has_converged(self.gateway), within=60, what="the shards of a fresh operator", interval=0.5)


def has_converged(gateway: Gateway) -> bool:
    """Whether the shards are what the plan makes of the LeadRoutes, ControllerRevisions and Secrets that there are."""
    try:
        observed = observe(gateway)
        key = fingerprint_key(gateway)
    except httpx.HTTPError:
        return False
    versions = {key_: evaluate(namespace=s.namespace, name=s.name, spec=s.text) for key_, s in specs(observed).items()}
    packer = Packer(gateway.shards, key)
    plan = make_plan(observed, versions, packer)
    if plan.to_record:
        return False
    wanted = packer.shards(plan.published())
    routes = {name: {k: v.encode() for k, v in data.items()} for name, data in gateway.config_maps().items()}
    return routes == {
        f"lead-gateway-routes-{index}": dict(files.routes) for index, files in enumerate(wanted)
    } and gateway.credentials() == {
        f"lead-gateway-credentials-{index}": dict(files.credentials) for index, files in enumerate(wanted)
    }


def observe(gateway: Gateway) -> Observed:
    secrets = f"/api/v1/namespaces/{gateway.team}/secrets"
    revisions = [observe_revision(body) for body in gateway.revisions()]
    return Observed(
        routes=tuple(observe_route(body) for body in gateway.api.items(gateway.path("").rstrip("/"))),
        revisions=tuple(revision for revision in revisions if revision is not None),
        secrets=tuple(map(observe_secret, gateway.api.items(secrets, labels="leadgateway.io/credentials=true"))),
    )


def fingerprint_key(gateway: Gateway) -> bytes:
    path = f"/api/v1/namespaces/{gateway.namespace}/secrets/lead-gateway-fingerprint"
    return base64.b64decode(gateway.api.get(path)["data"]["fingerprint-key"])


@pytest.mark.timeout(600)
def test_any_two_hundred_steps_end_in_the_shards_that_a_fresh_operator_would_write(gateway: Gateway) -> None:
    gateway.start_operator()
    walk = type("WalkHere", (Walk,), {"gateway": gateway})
    Walk.steps = 0
    while Walk.steps < STEPS:
        run_state_machine_as_test(
            walk,
            settings=settings(
                max_examples=4,
                stateful_step_count=50,
                deadline=None,
                phases=[Phase.generate],
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )

    # And a real one does: everything that it could have remembered is gone.
    before = gateway.config_maps(), gateway.credentials()
    gateway.operator.kill()
    for index in range(gateway.shards):
        for kind in ("configmaps/lead-gateway-routes", "secrets/lead-gateway-credentials"):
            gateway.api.delete(f"/api/v1/namespaces/{gateway.namespace}/{kind}-{index}")
    gateway.operator.start()
    wait_until(lambda: (gateway.config_maps(), gateway.credentials()) == before, within=60, what="the same shards")
