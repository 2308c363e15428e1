"""Runs the operator as a process of its own, as the ServiceAccount that `operator/rbac.yaml` describes."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import yaml

from tests.operator.rig.api import Api, Body
from tests.operator.rig.controlplane import write_kubeconfig
from tests.operator.rig.process import Child
from tests.operator.rig.waiting import wait_until

REPOSITORY = Path(__file__).parents[3]
RBAC = REPOSITORY / "operator" / "rbac.yaml"
_PATHS = {
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts/{name}",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{name}",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/{name}",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings/{name}",
}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class OperatorProcess:
    """One operator; `start` again after `kill` or `stop` for a new process."""

    kubeconfig: Path
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    status_port: int = field(default_factory=free_port)
    child: Child | None = None

    def start(self) -> None:
        self.child = Child(
            [str(REPOSITORY / ".venv" / "bin" / "leadgateway"), "operator"],
            log=self.folder / "operator.log",
            environment={
                "KUBECONFIG": str(self.kubeconfig),
                "LEADGATEWAY_OPERATOR_STATUS_PORT": str(self.status_port),
                "PYTHONUNBUFFERED": "1",
                **self.environment,
            },
        )

    def wait_until_ready(self, *, within: float = 30) -> None:
        wait_until(self.is_ready, within=within, what="the operator becoming ready")

    def is_ready(self) -> bool:
        return self._probe("readyz")

    def is_alive(self) -> bool:
        return self._probe("healthz")

    def _probe(self, name: str) -> bool:
        assert self.child is not None
        assert self.child.exit_status is None, f"the operator ended:\n{self.child.tail()}"
        try:
            return httpx.get(f"http://127.0.0.1:{self.status_port}/{name}", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def metrics(self) -> dict[str, float]:
        text = httpx.get(f"http://127.0.0.1:{self.status_port}/metrics", trust_env=False).text
        lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    def resident_mebibytes(self) -> float:
        assert self.child is not None
        return float(psutil.Process(self.child.pid).memory_info().rss) / 1024**2

    def log(self) -> str:
        assert self.child is not None
        return self.child.log.read_text(errors="replace")

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()

    def kill(self) -> None:
        assert self.child is not None
        self.child.kill()


def grant(api: Api, namespace: str, *, shards: int) -> None:
    """Apply `operator/rbac.yaml` for an operator whose gateway lives in `namespace`."""
    for document in yaml.safe_load_all(RBAC.read_text()):
        body = _moved(document, namespace, shards)
        api.apply(_PATHS[body["kind"]].format(**body["metadata"]), body)


def log_in(api: Api, namespace: str, folder: Path, authority: bytes) -> Path:
    """Write a kubeconfig with a token of the operator's ServiceAccount."""
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/lead-gateway-operator/token"
    token = api.create(path, request)["status"]["token"]
    kubeconfig = folder / f"operator-{namespace}.kubeconfig"
    write_kubeconfig(kubeconfig, str(api.client.base_url), authority, token, namespace=namespace)
    return kubeconfig


def _moved(document: Body, namespace: str, shards: int) -> Body:
    """The manifest for another namespace, so that several operators of one cluster keep apart, and for more shards."""
    metadata = document["metadata"]
    if "namespace" in metadata:
        metadata["namespace"] = namespace
    if document["kind"].startswith("Cluster"):
        metadata["name"] = f"lead-gateway-operator-{namespace}"
    if document["kind"] == "ClusterRoleBinding":
        document["roleRef"]["name"] = metadata["name"]
    for subject in document.get("subjects", ()):
        subject["namespace"] = namespace
    for rule in document.get("rules", ()):
        prefixes = {name.rstrip("0123456789") for name in rule.get("resourceNames", ()) if name[-1].isdigit()}
        if prefixes:
            rule["resourceNames"] = [f"{prefix}{index}" for prefix in prefixes for index in range(shards)]
    return document
