"""A Kubernetes control plane for a test run: etcd, kube-apiserver and, where asked for, the garbage collector.

Everything listens on free ports of this machine and lives in one temporary folder, which is kept when something fails.
"""

from __future__ import annotations

import base64
import json
import secrets
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import trustme

from tests.operator.rig.process import Child
from tests.operator.rig.programs import Programs
from tests.operator.rig.waiting import wait_until

_ADMIN_GROUP = "system:masters"
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
        {"level": "None"},
    ],
}


class ControlPlane:
    """Starts with `start`, ends with `stop`; `restart_api_server` cuts every watch."""

    def __init__(self, programs: Programs, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._port = _free_port()
        self._etcd_port, self._peer_port = _free_port(), _free_port()
        self._token = secrets.token_hex(16)
        self._etcd: Child | None = None
        self._api_server: Child | None = None
        self._controller_manager: Child | None = None
        self.authority = trustme.CA()
        self.audit_log = folder / "audit.log"

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    @property
    def kubeconfig(self) -> Path:
        """Of the administrator."""
        return self._folder / "admin.kubeconfig"

    @property
    def authority_pem(self) -> bytes:
        return self.authority.cert_pem.bytes()

    @property
    def kubectl(self) -> Path:
        return self._programs.path("kubectl")

    def start(self) -> None:
        self._write_files()
        self._etcd = self._start(
            "etcd",
            f"--data-dir={self._folder / 'etcd'}",
            # A test's data need not survive a power cut.
            "--unsafe-no-fsync",
            f"--listen-client-urls=http://127.0.0.1:{self._etcd_port}",
            f"--advertise-client-urls=http://127.0.0.1:{self._etcd_port}",
            f"--listen-peer-urls=http://127.0.0.1:{self._peer_port}",
        )
        self.start_api_server()

    def stop(self) -> None:
        for child in (self._controller_manager, self._api_server, self._etcd):
            if child is not None:
                child.stop()

    def start_api_server(self) -> None:
        self._api_server = self._start("kube-apiserver", *self._api_server_options())
        with self._client() as client:
            wait_until(lambda: self._is_ready(client), within=90, what="kube-apiserver becoming ready")

    def stop_api_server(self) -> None:
        """Every request and watch of every client ends here."""
        if self._api_server is not None:
            self._api_server.kill()

    def restart_api_server(self) -> None:
        self.stop_api_server()
        self.start_api_server()

    def start_garbage_collector(self) -> None:
        """Run the controller manager's garbage collector: owned objects go with their owner."""
        if self._controller_manager is not None:
            return
        self._controller_manager = self._start(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}",
            "--controllers=garbage-collector-controller,namespace-controller",
            "--leader-elect=false",
            f"--cert-dir={self._folder}",
            f"--secure-port={_free_port()}",
            "--bind-address=127.0.0.1",
            f"--root-ca-file={self._folder / 'ca.crt'}",
        )

    def _start(self, name: str, *options: str) -> Child:
        return Child([str(self._programs.path(name)), *options], log=self._folder / f"{name}.log")

    def _api_server_options(self) -> Iterator[str]:
        key = self._folder / "service-accounts.key"
        yield from (
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--advertise-address={host_address()}",
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={self._folder / 'server.crt'}",
            f"--tls-private-key-file={self._folder / 'server.key'}",
            f"--token-auth-file={self._folder / 'tokens.csv'}",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=RBAC",
            f"--audit-policy-file={self._folder / 'audit-policy.json'}",
            f"--audit-log-path={self.audit_log}",
        )

    def _write_files(self) -> None:
        certificate = self.authority.issue_cert("127.0.0.1", "localhost")
        self.authority.cert_pem.write_to_path(str(self._folder / "ca.crt"))
        certificate.private_key_pem.write_to_path(str(self._folder / "server.key"))
        certificate.cert_chain_pems[0].write_to_path(str(self._folder / "server.crt"))
        signer = self.authority.issue_cert("service-accounts")
        signer.private_key_pem.write_to_path(str(self._folder / "service-accounts.key"))
        (self._folder / "tokens.csv").write_text(f'{self._token},admin,admin,"{_ADMIN_GROUP}"\n')
        (self._folder / "audit-policy.json").write_text(json.dumps(_AUDIT_POLICY))
        write_kubeconfig(self.kubeconfig, self.url, (self._folder / "ca.crt").read_bytes(), self._token)

    def _client(self) -> httpx.Client:
        context = ssl.create_default_context(cafile=str(self._folder / "ca.crt"))
        headers = {"Authorization": f"Bearer {self._token}"}
        return httpx.Client(base_url=self.url, verify=context, headers=headers, trust_env=False)

    def _is_ready(self, client: httpx.Client) -> bool:
        if self._api_server is None or self._api_server.exit_status is not None:
            raise RuntimeError(f"kube-apiserver ended: {self._api_server.tail() if self._api_server else ''}")
        with suppress(httpx.TransportError):
            return client.get("/readyz").status_code == 200
        return False


def write_kubeconfig(path: Path, server: str, authority: bytes, token: str, *, namespace: str = "default") -> None:
    """Write a kubeconfig for one user, as JSON, which is YAML too."""
    cluster = {"server": server, "certificate-authority-data": base64.b64encode(authority).decode()}
    content: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
        "current-context": "test",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(content))


def host_address() -> str:
    """This machine's own address: EndpointSlices and the API server's advertised address refuse 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        # Nothing is sent: connecting a datagram socket only chooses the address.
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return socket.gethostbyname(socket.gethostname())


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
