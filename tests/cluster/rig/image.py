"""The image under test: built as `skaffold.yaml` says, and brought to the cluster's nodes."""

from __future__ import annotations

import json
import os
import shlex

import yaml

from tests.cluster.rig.command import REPOSITORY, available, run

NAME = "localhost/lead-gateway"
BUILD_SECONDS = 900


def build(tag: str, **arguments: str) -> str:
    """Build the image with the command of skaffold's `buildah` profile, or else with docker, and load it.

    Args:
        tag: Of the image.
        arguments: Build arguments.
    """
    reference = f"{NAME}:{tag}"
    if available("buildah"):
        command = _skaffold_command()
        for name, value in arguments.items():
            command = command.replace(" --tag ", f" --build-arg {name}={shlex.quote(value)} --tag ", 1)
        told = {"IMAGE": reference, "BUILD_CONTEXT": ".", "PUSH_IMAGE": "false"}
        run("sh", "-c", command, environment={**os.environ, **told}, timeout=BUILD_SECONDS)
    else:
        options = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        run("docker", "build", "--tag", reference, *options, ".", timeout=BUILD_SECONDS)
    load = os.environ.get("LEAD_CLUSTER_LOAD_IMAGE")
    if load:
        run(*shlex.split(load), reference, timeout=BUILD_SECONDS)
    return reference


def megabytes(tag: str) -> float:
    """Size of an image that was built, with its base, in MB as its builder counts."""
    reference = f"{NAME}:{tag}"
    if available("buildah"):
        (found,) = json.loads(run("buildah", "images", "--json", reference))
        number, unit = found["size"].split()
        assert unit == "MB"
        return float(number)
    return int(run("docker", "image", "inspect", "--format", "{{.Size}}", reference)) / 1e6


def _skaffold_command() -> str:
    profiles = yaml.safe_load((REPOSITORY / "skaffold.yaml").read_text())["profiles"]
    (profile,) = [profile for profile in profiles if profile["name"] == "buildah"]
    return str(profile["build"]["artifacts"][0]["custom"]["buildCommand"])
