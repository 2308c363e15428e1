"""What counts as there: what the watches have shown, corrected by what the API server lists."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from leadgateway_operator.cluster import Cluster
from leadgateway_operator.observed import observe_route, observe_secret
from leadgateway_operator.view import View
from tests.operator.rig.gateway import Gateway
from tests.operator.rig.manifests import secret


@pytest.fixture(autouse=True)
def logs_in_to_the_tests_cluster(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    # KUBECONFIG is read when the client is imported, which it has been.
    location = str(gateway.cluster.kubeconfig)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", location)


def viewing(gateway: Gateway, test: Callable[[View], Awaitable[None]]) -> None:
    async def connected() -> None:
        async with Cluster() as cluster:
            await test(View(cluster, namespaces=[gateway.team]))

    asyncio.run(connected())


def test_a_secret_that_gets_its_label_back_is_seen_again(gateway: Gateway) -> None:
    path = f"/api/v1/namespaces/{gateway.team}/secrets/customer"
    labelled = secret("customer", gateway.team, {"token": "s3cret"})
    gateway.api.apply(path, labelled)
    found = observe_secret(gateway.api.get(path))

    async def test(view: View) -> None:
        view.saw_secret(found)
        gateway.api.merge(path, {"metadata": {"labels": {"leadgateway.io/credentials": None}}})
        assert (await view.compare()).gone == {found.uid}
        assert view.observed().secrets == ()

        gateway.api.merge(path, {"metadata": {"labels": labelled["metadata"]["labels"]}})
        view.saw_secret(found)

        assert view.observed().secrets == (found,)

    viewing(gateway, test)


def test_a_late_event_does_not_bring_a_deleted_leadroute_back(gateway: Gateway) -> None:
    gateway.apply("solar")
    found = observe_route(gateway.api.get(gateway.path("solar")))

    async def test(view: View) -> None:
        view.saw_route(found)
        gateway.api.delete(gateway.path("solar"))
        assert (await view.compare()).gone == {found.uid}

        view.saw_route(found)

        assert view.route(found.uid) is None

    viewing(gateway, test)
