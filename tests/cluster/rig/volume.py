"""A volume for the trial database on clusters without a default storage class: a folder of the node."""

from __future__ import annotations

import json

import yaml

from tests.cluster.rig.command import run
from tests.cluster.rig.gateway import RELEASE

POSTGRES = "postgres:17"
_DEFAULT = "storageclass.kubernetes.io/is-default-class"


def is_needed() -> bool:
    classes = json.loads(run("kubectl", "get", "storageclass", "-o", "json"))["items"]
    return not any(found["metadata"].get("annotations", {}).get(_DEFAULT) == "true" for found in classes)


def provide(namespace: str) -> None:
    """Make a folder that PostgreSQL's user may write to, and a volume that only its claim gets."""
    _on_node(namespace, "chown 999:999 /volume")
    claim = {"namespace": namespace, "name": f"data-{RELEASE}-postgresql-0"}
    spec = {
        "capacity": {"storage": "8Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": _path(namespace)},
        "claimRef": claim,
    }
    volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": namespace}, "spec": spec}
    run("kubectl", "apply", "--filename=-", stdin=yaml.safe_dump(volume))


def withdraw(namespace: str) -> None:
    run("kubectl", "delete", "persistentvolume", namespace, "--ignore-not-found", "--timeout=60s")
    _on_node(namespace, "rm -rf /volume/pgdata")


def _path(namespace: str) -> str:
    return f"/var/tmp/lead-gateway-{namespace}"


def _on_node(namespace: str, command: str) -> None:
    """Run a shell command as root, in the folder, in a namespace that allows it."""
    name = f"{namespace}-volume"
    container = {
        "name": "volume",
        "image": POSTGRES,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", command],
        "volumeMounts": [{"name": "volume", "mountPath": "/volume"}],
    }
    volume = {"name": "volume", "hostPath": {"path": _path(namespace), "type": "DirectoryOrCreate"}}
    spec = {"restartPolicy": "Never", "containers": [container], "volumes": [volume]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}
    run("kubectl", "apply", "--filename=-", stdin=yaml.safe_dump(pod))
    run("kubectl", "-n", "default", "wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{name}", "--timeout=60s")
    run("kubectl", "-n", "default", "delete", "pod", name, "--timeout=60s")
