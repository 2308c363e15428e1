"""Where the Kubernetes programs of the tests come from: ready-made ones, or Go and the module beside this folder."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MODULE = Path(__file__).parent.parent / "controlplane"
_KUBERNETES = "k8s.io/kubernetes/cmd/"
_PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": f"{_KUBERNETES}kube-apiserver",
    "kube-controller-manager": f"{_KUBERNETES}kube-controller-manager",
    "kubectl": f"{_KUBERNETES}kubectl",
}
HOW_TO_GET = (
    "no Kubernetes control plane: install Go >= 1.26 (builds the pinned one, 8 minutes the first time), or set "
    "KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver, kube-controller-manager and kubectl, or "
    "TEST_USE_EXISTING_CLUSTER=1 and KUBECONFIG"
)


class NoControlPlane(Exception):
    """This machine has neither the programs nor Go to build them."""


@dataclass(frozen=True)
class Programs:
    """The folder that holds the programs."""

    folder: Path

    def path(self, name: str) -> Path:
        program = self.folder / name
        if not program.is_file():
            raise NoControlPlane(f"{program} is missing; {HOW_TO_GET}")
        return program


def find_programs(environment: Mapping[str, str]) -> Programs:
    """The folder that KUBEBUILDER_ASSETS names, else one that Go has filled; the first build takes minutes.

    Raises:
        NoControlPlane: There is neither.
    """
    assets = environment.get("KUBEBUILDER_ASSETS")
    if assets:
        return Programs(Path(assets))
    go = shutil.which("go", path=environment.get("PATH"))
    if go is None:
        raise NoControlPlane(HOW_TO_GET)
    return Programs(_built(go, environment))


def _built(go: str, environment: Mapping[str, str]) -> Path:
    pins = b"".join((MODULE / name).read_bytes() for name in ("go.mod", "go.sum"))
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lead-gateway"
    folder = cache / f"controlplane-{hashlib.sha256(pins).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        # Several test processes may start at once: one builds, the others wait for it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name, package in _PACKAGES.items():
            if not (folder / name).exists():
                _build(go, package, folder / name)
    return folder


def _build(go: str, package: str, target: Path) -> None:
    version = _run(go, "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes").strip()
    major, minor = version.removeprefix("v").split(".")[:2]
    stamp = " ".join(
        f"-X k8s.io/component-base/version.{name}={value}"
        for name, value in {"gitVersion": version, "gitMajor": major, "gitMinor": minor}.items()
    )
    unfinished = target.with_suffix(".unfinished")
    _run(go, "build", "-ldflags", f"-s -w {stamp}", "-o", str(unfinished), package)
    unfinished.rename(target)


def _run(go: str, *arguments: str) -> str:
    done = subprocess.run(
        [go, *arguments],
        cwd=MODULE,
        env={**os.environ, "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"go {arguments[0]} failed in {MODULE}:\n{done.stderr[-4000:]}")
    return done.stdout
