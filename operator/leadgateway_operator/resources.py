"""Names of the Kubernetes resources that the operator reads and writes, and their paths in the API."""

from __future__ import annotations

from leadgateway.route.manifest import CREDENTIALS_LABEL
from leadgateway.route.model import API_VERSION, GROUP

PLURAL = "leadroutes"

CREDENTIALS_SELECTOR = f"{CREDENTIALS_LABEL}=true"

REVISION_LABEL = f"{GROUP}/accepted-revision"
REVISION_SELECTOR = f"{REVISION_LABEL}=true"

SHARD_LABEL = f"{GROUP}/shard"
"""Value `routes` or `credentials`, on the ConfigMaps and Secrets that the operator publishes."""

CONFIGURATION_ANNOTATION = f"{GROUP}/configuration"
"""On the gateway's pods: a digest of the last published configuration; changing it makes kubelet sync at once."""

FINGERPRINT_SECRET = "lead-gateway-fingerprint"  # noqa: S105
"""Secret with the key of the credentials' fingerprints; apart from the shards, so that hashes survive their loss."""

PUBLIC_PREFIX = "/webhooks/leads/"

DISCOVERY = f"/apis/{API_VERSION}"


def leadroutes(namespace: str | None = None, name: str | None = None) -> str:
    """Path of all LeadRoutes, those of a namespace, or one."""
    return _path(f"/apis/{API_VERSION}", namespace, PLURAL, name)


def revisions(namespace: str | None = None, name: str | None = None) -> str:
    """Path of ControllerRevisions."""
    return _path("/apis/apps/v1", namespace, "controllerrevisions", name)


def secrets(namespace: str | None = None, name: str | None = None) -> str:
    """Path of Secrets."""
    return _path("/api/v1", namespace, "secrets", name)


def configmaps(namespace: str | None = None, name: str | None = None) -> str:
    """Path of ConfigMaps."""
    return _path("/api/v1", namespace, "configmaps", name)


def pods(namespace: str, name: str) -> str:
    """Path of a Pod."""
    return _path("/api/v1", namespace, "pods", name)


def events(namespace: str) -> str:
    """Path of a namespace's Events."""
    return _path("/api/v1", namespace, "events", None)


def endpointslices(namespace: str) -> str:
    """Path of a namespace's EndpointSlices."""
    return _path("/apis/discovery.k8s.io/v1", namespace, "endpointslices", None)


def _path(root: str, namespace: str | None, plural: str, name: str | None) -> str:
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{scope}/{plural}" + (f"/{name}" if name else "")
