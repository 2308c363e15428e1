"""An installed gateway, its customer and its sources, in namespaces of their own."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import yaml

from tests.cluster.rig.command import REPOSITORY, run
from tests.operator.rig.waiting import wait_until

CHART = "charts/lead-gateway"
RIG = Path(__file__).parent
RELEASE = "lead-gateway"
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
LEASE_MARGIN_SECONDS = 5
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Posted:
    """What sources were answered."""

    results: list[tuple[str, int | str, float]]

    @property
    def references(self) -> set[str]:
        """Of the leads that were answered with 200."""
        return {reference for reference, outcome, _ in self.results if outcome == 200}

    @property
    def outcomes(self) -> Counter[int | str]:
        return Counter(outcome for _, outcome, _ in self.results)

    @property
    def slowest(self) -> float:
        return max(seconds for _, _, seconds in self.results)


@dataclass(frozen=True)
class Delivery:
    """One request that the customer received, by its own clock."""

    at: float
    path: str
    token: str
    key: str
    payload: Manifest


@dataclass
class Gateway:
    """One installation.

    Attributes:
        repository: Of the image.
        namespace: Of the gateway; its customer, its sources and its routes are in `<namespace>-outside`.
    """

    repository: str
    namespace: str = field(default_factory=lambda: f"leads-{secrets.token_hex(3)}")

    @property
    def outside(self) -> str:
        return f"{self.namespace}-outside"

    def make_namespaces(self) -> None:
        for namespace in (self.namespace, self.outside):
            run("kubectl", "create", "namespace", namespace)
            run("kubectl", "label", "namespace", namespace, RESTRICTED)

    def install(self, tag: str) -> None:
        """Install or upgrade with the trial values, as `skaffold run` does, and wait until every pod is ready."""
        values = {
            "image": {"repository": self.repository, "tag": tag},
            "operator": {"watchNamespaces": [self.outside, self.namespace]},
            "worker": {
                "extraEnv": [{"name": "LEADGATEWAY_WORKER_LEASE_MARGIN_SECONDS", "value": str(LEASE_MARGIN_SECONDS)}]
            },
        }
        self.helm(
            "upgrade",
            "--install",
            RELEASE,
            CHART,
            f"--values={CHART}/values-trial.yaml",
            "--values=-",
            "--wait",
            "--timeout=5m",
            # The CRD is the cluster's: another release may have installed it.
            "--take-ownership",
            stdin=yaml.safe_dump(values),
        )

    def helm(self, *arguments: str, stdin: str | None = None) -> str:
        return run("helm", f"--namespace={self.namespace}", *arguments, stdin=stdin, timeout=400)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return run("kubectl", f"--namespace={self.namespace}", *arguments, stdin=stdin)

    def start_outside(self) -> None:
        """Start the customer and the pod that posts."""
        image = f"{self.repository}:dev"
        run(
            "kubectl",
            "-n",
            self.outside,
            "create",
            "configmap",
            "rig",
            f"--from-file={RIG}/customer.py",
            f"--from-file={RIG}/post.py",
        )
        manifests = [
            _pod("customer", image, ["python", "/rig/customer.py"]),
            _pod("source", image, ["sleep", "infinity"]),
        ]
        service = {"selector": {"app": "customer"}, "ports": [{"port": 8010}]}
        manifests.append({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "customer"}, "spec": service})
        self.apply(*manifests)
        run("kubectl", "-n", self.outside, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")

    def start_waiting_pod(self, name: str) -> None:
        """Start a pod whose `leadgateway migrate` waits for a database that never comes."""
        pod = _pod(name, f"{self.repository}:dev", ["leadgateway", "migrate", "--wait", "600"])
        pod["spec"]["containers"][0]["env"] = [{"name": "POSTGRES_PORT", "value": "1"}]
        self.apply(pod)
        run("kubectl", "-n", self.outside, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
        wait_until(
            lambda: "migration waits" in run("kubectl", "-n", self.outside, "logs", name),
            within=30,
            what="the pod waiting for its database",
        )

    def apply(self, *manifests: Manifest) -> None:
        run("kubectl", "-n", self.outside, "apply", "--filename=-", stdin=yaml.safe_dump_all(manifests))

    def await_ready(self, route: str, *, seconds: int = 60) -> None:
        """Wait until the newest generation of a route runs in every pod."""

        def is_current() -> bool:
            found = json.loads(run("kubectl", "-n", self.outside, "get", "leadroute", route, "-o", "json"))
            conditions = found.get("status", {}).get("conditions", ())
            ready = [c for c in conditions if c["type"] == "Ready" and c["status"] == "True"]
            return any(c["observedGeneration"] == found["metadata"]["generation"] for c in ready)

        wait_until(is_current, within=seconds, what=f"LeadRoute {route} being Ready", interval=0.3)

    def url(self, path: str) -> str:
        return f"http://{RELEASE}-webhook.{self.namespace}.svc/webhooks/leads/{path}"

    def customer_url(self, path: str) -> str:
        return f"http://customer.{self.outside}.svc:8010/{path}"

    @contextmanager
    def posting(
        self, path: str, *, count: int, per_second: float, secrets: Sequence[str] = ()
    ) -> Iterator[Callable[[], Posted]]:
        """Post leads in the background; call what this gives to wait for the end and see the answers."""
        references = [f"{path}-{number}" for number in range(count)]
        told = {"url": self.url(path), "secrets": list(secrets), "references": references, "per_second": per_second}
        command = ["kubectl", "-n", self.outside, "exec", "-i", "source", "--", "python", "/rig/post.py"]
        with Popen(command, stdin=PIPE, stdout=PIPE, text=True, cwd=REPOSITORY) as process:
            assert process.stdin is not None
            process.stdin.write(json.dumps(told))
            process.stdin.close()
            process.stdin = None

            def finish() -> Posted:
                output, _ = process.communicate(timeout=count / per_second + 120)
                return Posted([tuple(result) for result in json.loads(output)["results"]])

            try:
                yield finish
            finally:
                if process.poll() is None:
                    process.kill()

    def post(self, path: str, *, count: int, secrets: Sequence[str] = ()) -> Posted:
        with self.posting(path, count=count, per_second=50, secrets=secrets) as finish:
            return finish()

    def deliveries(self, path: str) -> list[Delivery]:
        """What the customer received at one path."""
        received = [Delivery(*entry) for entry in json.loads(self._ask_customer("requests"))]
        return [delivery for delivery in received if delivery.path == f"/{path}"]

    def clock(self) -> float:
        """The customer's clock."""
        return float(self._ask_customer("clock"))

    def _ask_customer(self, what: str) -> str:
        program = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:8010/{what}').read().decode())"
        return run("kubectl", "-n", self.outside, "exec", "customer", "--", "python", "-c", program)

    def ask_console(self, path: str, *, token: str = "") -> tuple[int, Any]:
        """What the console's Service answers a pod of another namespace: the status, and the JSON it sent."""
        program = (
            "import json, sys, urllib.request as u\n"
            "url, token = json.load(sys.stdin)\n"
            "opener = u.build_opener(type('Any', (u.HTTPErrorProcessor,), {'http_response': lambda s, q, a: a}))\n"
            "answer = opener.open(u.Request(url, headers={'Authorization': 'Bearer ' + token} if token else {}))\n"
            "print(json.dumps([answer.status, json.load(answer)]))"
        )
        url = f"http://{RELEASE}-console.{self.namespace}.svc/{path}"
        command = ("kubectl", "-n", self.outside, "exec", "-i", "source", "--", "python", "-c", program)
        status, document = json.loads(run(*command, stdin=json.dumps([url, token])))
        return int(status), document

    def leads(self, *arguments: str) -> Any:
        """What `kubectl leads` prints as JSON, run on this machine as a person would."""
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        command = ("kubectl", "leads", f"--namespace={self.namespace}", *arguments, "--output=json")
        return json.loads(run(*command, environment=os.environ | {"PATH": programs}))

    def console_token(self) -> str:
        """The generated Bearer token of an operator."""
        encoded = self.kubectl("get", "secret", f"{RELEASE}-console", "-o", "jsonpath={.data.token}")
        return b64decode(encoded).decode()

    def statuses(self, route: str) -> Counter[str]:
        """How many leads of a route are in which status, by the database."""
        query = f"SELECT status, count(*) FROM lead_state WHERE route = '{self.outside}/{route}' GROUP BY 1"
        command = (
            f'PGPASSWORD="$POSTGRES_PASSWORD" psql -h 127.0.0.1 -U lead_gateway -d lead_gateway -At -F " " -c "{query}"'
        )
        lines = self.kubectl("exec", f"{RELEASE}-postgresql-0", "--", "sh", "-c", command).split("\n")
        return Counter({status: int(count) for status, count in (line.split() for line in lines if line)})

    def await_delivered(self, route: str, count: int, *, seconds: float = 90) -> None:
        wait_until(
            lambda: self.statuses(route) == {"DELIVERED": count},
            within=seconds,
            what=f"{count} leads of {route} being DELIVERED (now {self.statuses(route)})",
            interval=0.5,
        )

    def pods(self) -> dict[str, int]:
        """UID and number of restarts of each of the gateway's own pods that runs."""
        found = json.loads(
            self.kubectl("get", "pods", "-l", "app.kubernetes.io/component in (webhook,worker,operator)", "-o", "json")
        )
        return {
            f"{pod['metadata']['name']} {pod['metadata']['uid']}": sum(
                status["restartCount"] for status in pod["status"]["containerStatuses"]
            )
            for pod in found["items"]
        }

    def one_pod(self, component: str) -> str:
        selector = f"app.kubernetes.io/component={component}"
        return self.kubectl("get", "pods", "-l", selector, "-o", "jsonpath={.items[0].metadata.name}")

    def await_pods(self) -> None:
        for kind in ("deployment", "statefulset"):
            self.kubectl("rollout", "status", kind, "--timeout=120s")

    def remove(self) -> None:
        """Leave nothing behind."""
        run("helm", f"--namespace={self.namespace}", "uninstall", RELEASE, "--ignore-not-found", "--wait")
        run("kubectl", "delete", "namespace", self.namespace, self.outside, "--ignore-not-found", "--timeout=120s")


def route(name: str, url: str, **spec: Any) -> Manifest:
    """A LeadRoute that maps `reference`, with quick retries."""
    mapping = {"reference": {"from": "reference", "required": True}, **spec.pop("mapping", {})}
    endpoint = {"url": url, "allowPrivateNetworks": True, "timeout": "5s", **spec.pop("endpoint", {})}
    retry = {"maxRetries": 5, "initialDelay": "1s", "factor": 1}
    return {
        "apiVersion": "leadgateway.io/v1alpha1",
        "kind": "LeadRoute",
        "metadata": {"name": name},
        "spec": {"mapping": mapping, "endpoint": endpoint, "retry": retry, **spec},
    }


def credentials(name: str, **values: str) -> Manifest:
    """A Secret that LeadRoutes may use."""
    labels = {"leadgateway.io/credentials": "true"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": labels}, "stringData": values}


def _pod(name: str, image: str, command: list[str]) -> Manifest:
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": name,
        "image": image,
        "command": command,
        "env": [{"name": "DELAY", "value": "0.2"}],
        "securityContext": security,
        "volumeMounts": [{"name": "rig", "mountPath": "/rig"}],
    }
    spec = {
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "rig", "configMap": {"name": "rig"}}],
    }
    metadata = {"name": name, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def seconds_since(began: float) -> float:
    return time.monotonic() - began
