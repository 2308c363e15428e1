"""Pods as the operator sees them: an EndpointSlice, a Pod object, and a status port that says what is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry

from leadgateway.telemetry.status_port import Health, StatusPort
from tests.operator.rig.api import Api, Body
from tests.operator.rig.controlplane import host_address
from tests.operator.rig.manifests import endpoint_slice


class Pod:
    """One pod of a role; `loaded` and `about`, which is what it says besides, are asked at every request."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        role: str,
        name: str,
        loaded: Callable[[], Mapping[str, str]],
        *,
        about: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._role = role
        self.name = name
        self._port = StatusPort(
            host_address(),
            0,
            health=lambda: Health(alive=True, ready=True),
            routes=loaded,
            about_routes=about,
            registry=CollectorRegistry(),
        )
        self._port.start()
        self.show()

    def show(self, **conditions: bool) -> None:
        """Put it into the EndpointSlices, with other conditions than ready if told so."""
        body = endpoint_slice(
            f"lead-gateway-{self._role}",
            self._namespace,
            self.name,
            address=host_address(),
            port=self._port.port,
            **conditions,
        )
        self._api.apply(self._slice, body)

    def create_object(self) -> None:
        """Make the Pod object, which no node ever runs."""
        container = {"name": "main", "image": "lead-gateway"}
        body: Body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "namespace": self._namespace},
            # The default ServiceAccount is made by a controller that need not run here.
            "spec": {"containers": [container], "serviceAccountName": "lead-gateway-operator"},
        }
        self._api.apply(f"/api/v1/namespaces/{self._namespace}/pods/{self.name}", body)

    def close(self) -> None:
        """End the status port; the EndpointSlice stays, as after a crash."""
        self._port.close()

    def remove(self) -> None:
        """Take it out of the EndpointSlices."""
        self._api.delete(self._slice)
        self._port.close()

    @property
    def _slice(self) -> str:
        return f"/apis/discovery.k8s.io/v1/namespaces/{self._namespace}/endpointslices/{self.name}"
