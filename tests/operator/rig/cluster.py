"""The cluster that the tests of one process run against: their own control plane, or one that exists."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import kubernetes.client
import kubernetes.config
import yaml

from tests.operator.rig.api import Api, connect
from tests.operator.rig.controlplane import ControlPlane
from tests.operator.rig.programs import NoControlPlane, find_programs
from tests.operator.rig.waiting import wait_until

REPOSITORY = Path(__file__).parents[3]
CRD = REPOSITORY / "crds" / "leadroutes.yaml"
CRD_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/leadroutes.leadgateway.io"


@dataclass(frozen=True)
class Cluster:
    """Where the tests work.

    Attributes:
        api: As administrator.
        authority: Certificate of the API server's authority, PEM.
        own: The control plane, if it is the tests' own and may be stopped.
    """

    api: Api
    kubeconfig: Path
    authority: bytes
    kubectl_program: Path
    own: ControlPlane | None

    def kubectl(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.kubectl_program), f"--kubeconfig={self.kubeconfig}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@contextmanager
def open_cluster(environment: Mapping[str, str], folder: Path) -> Iterator[Cluster]:
    """Connect to the cluster that exists if TEST_USE_EXISTING_CLUSTER says so, or start one; with the CRD in it.

    Raises:
        NoControlPlane: There is neither a cluster nor a way to make one.
    """
    if environment.get("TEST_USE_EXISTING_CLUSTER") == "1":
        with _existing(Path(os.environ["KUBECONFIG"])) as cluster:
            install_crd(cluster.api)
            yield cluster
        return
    own = ControlPlane(find_programs(environment), folder)
    try:
        own.start()
        with connect(own.kubeconfig) as api:
            install_crd(api)
            yield Cluster(api, own.kubeconfig, own.authority_pem, own.kubectl, own)
    finally:
        own.stop()


@contextmanager
def _existing(kubeconfig: Path) -> Iterator[Cluster]:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise NoControlPlane("TEST_USE_EXISTING_CLUSTER needs kubectl on the PATH")
    configuration = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(str(kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call]
    authority = Path(str(configuration.ssl_ca_cert)).read_bytes()
    with connect(kubeconfig) as api:
        yield Cluster(api, kubeconfig, authority, Path(kubectl), None)


def install_crd(api: Api) -> None:
    """Apply the CRD of this repository, and wait until it is served."""
    api.apply(CRD_PATH, yaml.safe_load(CRD.read_text()))
    wait_until(lambda: _is_established(api), within=30, what="the CRD being established")


def _is_established(api: Api) -> bool:
    conditions = (api.get(CRD_PATH).get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)
