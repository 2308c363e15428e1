"""Renders the chart with Helm, as a user would, and finds things in what comes out."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "charts" / "lead-gateway"
HOW_TO_GET = "the checks of the chart need Helm 3.13 or newer on the PATH"

Object = dict[str, Any]


class RenderingFailed(Exception):
    """Helm refused; the message is its own."""


@dataclass(frozen=True)
class Rendered:
    """Everything that one rendering made."""

    text: str
    objects: tuple[Object, ...]

    def all(self, kind: str) -> list[Object]:
        return [found for found in self.objects if found["kind"] == kind]

    def one(self, kind: str, name: str) -> Object:
        (found,) = [found for found in self.all(kind) if found["metadata"]["name"] == name]
        return found

    def pods(self) -> dict[str, Object]:
        """The pod spec of every workload, by kind and name."""
        specs = {f"Pod/{pod['metadata']['name']}": pod["spec"] for pod in self.all("Pod")}
        for kind in ("Deployment", "StatefulSet", "Job"):
            for workload in self.all(kind):
                specs[f"{kind}/{workload['metadata']['name']}"] = workload["spec"]["template"]["spec"]
        return specs


def helm(*arguments: str, stdin: str | None = None) -> str:
    """Run Helm and return what it prints.

    Raises:
        RenderingFailed: It ended with an error.
    """
    program = shutil.which("helm")
    if program is None:
        pytest.skip(HOW_TO_GET)
    done = subprocess.run([program, *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise RenderingFailed(done.stdout + done.stderr)
    return done.stdout


def render(
    values: Mapping[str, Any] | None = None,
    *,
    api_versions: Iterable[str] = (),
    kubeconfig: Path | None = None,
    files: Iterable[Path] = (),
) -> Rendered:
    """Render the chart as release `lead-gateway` in namespace `default`.

    Args:
        values: Beside those of the chart.
        api_versions: What the cluster offers besides Kubernetes itself.
        kubeconfig: A cluster to ask (`lookup` finds things there); without one, as `helm template` and GitOps do.
        files: Values files.
    """
    arguments = ["template", "lead-gateway", str(CHART), "--values=-", "--namespace=default"]
    arguments += [f"--values={file}" for file in files]
    arguments += [f"--api-versions={version}" for version in api_versions]
    if kubeconfig is not None:
        arguments += ["--dry-run=server", f"--kubeconfig={kubeconfig}"]
    text = helm(*arguments, stdin=yaml.safe_dump(dict(values or {})))
    return Rendered(text, tuple(found for found in yaml.safe_load_all(text) if found))
