"""The Kubernetes API as the tests use it: plain HTTP, synchronous, with whatever credentials a kubeconfig holds."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import kubernetes.client
import kubernetes.config

Body = dict[str, Any]


class Api:
    """A client; each method raises `httpx.HTTPStatusError` with the server's sentence for an error."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def get(self, path: str) -> Body:
        return self._send("GET", path)

    def find(self, path: str) -> Body | None:
        """The object, or None where there is none."""
        response = self.client.get(path)
        return None if response.status_code == 404 else _checked(response)

    def items(self, path: str, *, labels: str = "") -> list[Body]:
        params = {"labelSelector": labels} if labels else {}
        found: list[Body] = self._send("GET", path, params=params)["items"]
        return found

    def create(self, path: str, body: Body, **params: str) -> Body:
        return self._send(
            "POST", path, params={"fieldManager": "test", "fieldValidation": "Strict", **params}, json=body
        )

    def apply(self, path: str, body: Body, **params: str) -> Body:
        """Server-side apply, as `kubectl apply --server-side --force-conflicts`."""
        return self._send(
            "PATCH",
            path,
            params={"fieldManager": "test", "fieldValidation": "Strict", "force": "true", **params},
            json=body,
            headers={"Content-Type": "application/apply-patch+yaml"},
        )

    def merge(self, path: str, body: Body) -> Body:
        return self._send("PATCH", path, json=body, headers={"Content-Type": "application/merge-patch+json"})

    def delete(self, path: str) -> None:
        """Delete an object, or all of a collection.

        Ten thousand take about the minute that the server gives a request; what is left then, the next one deletes.
        """
        for _ in range(_MOST_REQUESTS):
            response = self.client.delete(path, timeout=300)
            if response.status_code != httpx.codes.GATEWAY_TIMEOUT:
                break
        if response.is_error and response.status_code != 404:
            _checked(response)

    def _send(self, method: str, path: str, **arguments: Any) -> Body:
        return _checked(self.client.request(method, path, **arguments))


def _checked(response: httpx.Response) -> Body:
    if response.is_error:
        raise httpx.HTTPStatusError(response.text, request=response.request, response=response)
    body: Body = response.json()
    return body


_MOST_REQUESTS = 5
"""To delete one collection."""


@contextmanager
def connect(kubeconfig: Path) -> Iterator[Api]:
    """Open the API server that a kubeconfig names."""
    configuration = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(str(kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call]
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    header = configuration.get_api_key_with_prefix("BearerToken") or configuration.get_api_key_with_prefix(
        "authorization"
    )
    headers = {"Authorization": header} if header else {}
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    with httpx.Client(
        base_url=configuration.host, verify=context, headers=headers, trust_env=False, timeout=30, limits=limits
    ) as client:
        yield Api(client)
