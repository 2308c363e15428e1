"""A gateway of its own in the cluster for each test: a namespace, an operator with just its rights, and its pods."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadgateway.route.watcher import RouteTableWatcher
from tests.operator.rig.api import Api, Body
from tests.operator.rig.cluster import Cluster
from tests.operator.rig.kubelet import Kubelet
from tests.operator.rig.manifests import LEADROUTES, leadroute
from tests.operator.rig.operator_process import OperatorProcess, grant, log_in
from tests.operator.rig.pods import Pod
from tests.operator.rig.waiting import wait_until

SHARDS = 4


@dataclass
class Gateway:
    """What one test works with.

    Attributes:
        namespace: Of the gateway.
        team: A namespace with LeadRoutes.
    """

    cluster: Cluster
    folder: Path
    shards: int = SHARDS
    suffix: str = field(default_factory=lambda: secrets.token_hex(3))
    operators: list[OperatorProcess] = field(default_factory=list)
    _closers: list[Callable[[], None]] = field(default_factory=list)
    _namespaces: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.namespace = self.make_namespace("gateway")
        self.team = self.make_namespace("team")
        grant(self.api, self.namespace, shards=64)
        self.kubeconfig = log_in(self.api, self.namespace, self.folder, self.cluster.authority)

    @property
    def api(self) -> Api:
        return self.cluster.api

    @property
    def operator(self) -> OperatorProcess:
        return self.operators[0]

    def make_namespace(self, name: str) -> str:
        name = f"{name}-{self.suffix}"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.api.apply(f"/api/v1/namespaces/{name}", body)
        self._namespaces.append(name)
        return name

    def start_operator(self, *, wait: bool = True, **environment: str) -> OperatorProcess:
        """Run one operator (another one, if there is one already) over the team's namespace."""
        defaults = {
            "NAMESPACE": self.namespace,
            "WATCH_NAMESPACES": self.team,
            "SHARDS": str(self.shards),
            "POLL_SECONDS": "0.2",
            "RESYNC_SECONDS": "5",
        }
        folder = self.folder / f"operator-{len(self.operators)}"
        folder.mkdir()
        operator = OperatorProcess(
            self.kubeconfig,
            folder,
            {f"LEADGATEWAY_OPERATOR_{key}": value for key, value in (defaults | environment).items()},
        )
        self.operators.append(operator)
        operator.start()
        if wait:
            operator.wait_until_ready()
        return operator

    def start_pods(self, *, webhooks: int = 1, workers: int = 1) -> RouteTableWatcher:
        """Run pods that all load what a kubelet stand-in mounts; returns the table they share."""
        root = self.folder / "mounted"
        kubelet = Kubelet(self.api, self.namespace, root, shards=self.shards)
        watcher = RouteTableWatcher(root, interval=0.1)
        kubelet.start()
        watcher.start()
        self._closers += [watcher.stop, kubelet.stop]

        def loaded() -> Mapping[str, str]:
            return watcher.table.hashes()

        for role, number in (("webhook", webhooks), ("worker", workers)):
            for index in range(number):
                self.add_pod(role, f"{role}-{index}", loaded)
        return watcher

    def add_pod(
        self,
        role: str,
        name: str,
        loaded: Callable[[], Mapping[str, str]],
        about: Callable[[], Mapping[str, object]] = dict,
    ) -> Pod:
        pod = Pod(self.api, self.namespace, role, f"{name}-{self.suffix}", loaded, about=about)
        self._closers.append(pod.remove)
        return pod

    def apply(self, name: str, namespace: str | None = None, **spec: Any) -> Body:
        """Apply a LeadRoute."""
        body = leadroute(name, namespace or self.team, **spec)
        return self.api.apply(self.path(name, namespace), body)

    def path(self, name: str, namespace: str | None = None) -> str:
        return f"{LEADROUTES}/namespaces/{namespace or self.team}/leadroutes/{name}"

    def status(self, name: str, namespace: str | None = None) -> Body:
        status: Body = self.api.get(self.path(name, namespace)).get("status", {})
        return status

    def accepted_generation(self, name: str) -> int | None:
        """The generation that is kept as accepted."""
        uid = self.api.get(self.path(name))["metadata"]["uid"]
        kept = [r["revision"] for r in self.revisions() if r["metadata"]["ownerReferences"][0]["uid"] == uid]
        return max(kept, default=None)

    def revisions(self) -> list[Body]:
        """The ControllerRevisions of the team's LeadRoutes."""
        return self.api.items(f"/apis/apps/v1/namespaces/{self.team}/controllerrevisions")

    def condition(self, name: str, kind: str, namespace: str | None = None) -> Body:
        """A condition that speaks of the current generation; empty until there is one."""
        route = self.api.get(self.path(name, namespace))
        for condition in route.get("status", {}).get("conditions", ()):
            if condition["type"] == kind and condition["observedGeneration"] == route["metadata"]["generation"]:
                return dict(condition)
        return {}

    def wait_for(
        self,
        name: str,
        kind: str,
        status: str,
        reason: str | None = None,
        *,
        namespace: str | None = None,
        within: float = 15,
    ) -> Body:
        """Wait until a condition of the current generation has a status (and a reason)."""

        def look() -> Body:
            condition = self.condition(name, kind, namespace)
            matches = condition.get("status") == status and reason in (None, condition.get("reason"))
            return condition if matches else {}

        what = f"{name} becoming {kind}={status}/{reason or 'any'} (is {self.status(name, namespace)})"
        return wait_until(look, within=within, what=what)

    def config_maps(self) -> dict[str, dict[str, str]]:
        """Data of the routes' shards by name."""
        items = self.api.items(f"/api/v1/namespaces/{self.namespace}/configmaps", labels="leadgateway.io/shard=routes")
        return {item["metadata"]["name"]: item.get("data") or {} for item in items}

    def credentials(self) -> dict[str, dict[str, bytes]]:
        """Data of the credentials' shards by name."""
        items = self.api.items(
            f"/api/v1/namespaces/{self.namespace}/secrets", labels="leadgateway.io/shard=credentials"
        )
        return {
            item["metadata"]["name"]: {k: base64.b64decode(v) for k, v in (item.get("data") or {}).items()}
            for item in items
        }

    def published(self) -> set[str]:
        """Files of the routes that are published."""
        return {file for data in self.config_maps().values() for file in data if file != "shard.json"}

    def entry(self, name: str, namespace: str | None = None) -> Body | None:
        """What is published of a LeadRoute."""
        file = f"{namespace or self.team}.{name}.json"
        found = [data[file] for data in self.config_maps().values() if file in data]
        return dict(json.loads(found[0])) if found else None

    def close(self) -> None:
        for close in reversed(self._closers):
            close()
        for operator in self.operators:
            operator.kill()
        for namespace in self._namespaces:
            self.api.delete(f"{LEADROUTES}/namespaces/{namespace}/leadroutes")
        for kind in ("clusterrolebindings", "clusterroles"):
            path = f"/apis/rbac.authorization.k8s.io/v1/{kind}/lead-gateway-operator-{self.namespace}"
            self.api.delete(path)
