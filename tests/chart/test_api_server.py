"""What the chart renders, judged by an API server and by kubeconform, under every set of values."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import CHART, Rendered, helm, render
from tests.chart.values import MATRIX
from tests.operator.rig.cluster import Cluster, open_cluster
from tests.operator.rig.programs import NoControlPlane
from tests.operator.rig.waiting import wait_until

FOREIGN = Path(__file__).parent / "schemas" / "foreign-crds.yaml"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An API server that knows LeadRoutes, and of other projects' kinds as much as the chart uses."""
    try:
        with open_cluster(os.environ, tmp_path_factory.mktemp("cluster")) as opened:
            names = []
            for crd in yaml.safe_load_all(FOREIGN.read_text()):
                names.append(crd["metadata"]["name"])
                opened.api.apply(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{names[-1]}", crd)
            wait_until(
                lambda: (
                    opened.kubectl("wait", "--for=condition=Established", "--timeout=1s", "crd", *names).returncode == 0
                ),
                within=30,
                what="the CRDs being established",
            )
            # Without a controller manager nobody makes it; pods are refused while it is missing.
            account = "/api/v1/namespaces/default/serviceaccounts"
            if opened.api.find(f"{account}/default") is None:
                opened.api.create(account, {"metadata": {"name": "default"}})
            yield opened
    except NoControlPlane as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=list(MATRIX.values()), ids=list(MATRIX))
def rendered(request: pytest.FixtureRequest) -> Rendered:
    return render(request.param)


def dry_run(cluster: Cluster, rendered: Rendered) -> subprocess.CompletedProcess[str]:
    return cluster.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename=-", stdin=rendered.text
    )


def test_the_api_server_takes_every_manifest(cluster: Cluster, rendered: Rendered) -> None:
    done = dry_run(cluster, rendered)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("serverside-applied") == len(rendered.objects)


def test_a_release_with_generated_secrets_is_taken_as_well(cluster: Cluster) -> None:
    rendered = render(kubeconfig=cluster.kubeconfig, files=[CHART / "values-trial.yaml"])

    done = dry_run(cluster, rendered)

    assert done.returncode == 0, done.stderr
    generated = {secret["metadata"]["name"] for secret in rendered.all("Secret")}
    assert generated == {
        "lead-gateway-postgresql",
        "lead-gateway-valkey",
        "lead-gateway-admission",
        "lead-gateway-console",
    }


def test_what_was_generated_once_is_kept(cluster: Cluster) -> None:
    first = render(kubeconfig=cluster.kubeconfig, files=[CHART / "values-trial.yaml"]).all("Secret")
    path = "/api/v1/namespaces/default/secrets"
    for secret in first:
        cluster.api.create(path, secret)
    try:
        second = render(kubeconfig=cluster.kubeconfig, files=[CHART / "values-trial.yaml"]).all("Secret")
    finally:
        for secret in first:
            cluster.api.delete(f"{path}/{secret['metadata']['name']}")

    assert [secret["data"] for secret in second] == [secret["data"] for secret in first]


def test_the_notes_name_a_secret_that_is_missing(cluster: Cluster) -> None:
    printed = helm(
        "install",
        "lead-gateway",
        str(CHART),
        "--dry-run=server",
        "--namespace=default",
        "--set=crds.install=false",
        f"--kubeconfig={cluster.kubeconfig}",
    )

    notes = printed.partition("NOTES:")[2]
    assert "The Secret lead-gateway-database (database.existingSecret) is not there yet" in notes


def test_kubeconform_finds_nothing(cluster: Cluster, rendered: Rendered, tmp_path: Path) -> None:
    program = shutil.which("kubeconform")
    if program is None:
        pytest.skip("this check needs kubeconform on the PATH")
    write_schemas(cluster, tmp_path)

    done = subprocess.run(
        [program, "-strict", "-summary", f"-schema-location={tmp_path}/{{{{.ResourceKind}}}}.json"],
        input=rendered.text,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Skipped: 0" in done.stdout


def write_schemas(cluster: Cluster, folder: Path) -> None:
    """Write a schema file for each kind, made from what the API server publishes of itself."""
    definitions = cluster.api.get("/openapi/v2")["definitions"]
    whole = {"definitions": {name: strict(definition) for name, definition in definitions.items()}}
    (folder / "all").write_text(json.dumps(whole))
    for name, definition in definitions.items():
        for kind in definition.get("x-kubernetes-group-version-kind", ()):
            reference = {"$ref": f"file://{folder}/all#/definitions/{name}"}
            (folder / f"{kind['kind'].lower()}.json").write_text(json.dumps(reference))


def strict(schema: Any) -> Any:
    """One definition as JSON schema: fields that it does not name are refused."""
    if isinstance(schema, list):
        return [strict(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    made = {
        key: {name: strict(entry) for name, entry in value.items()} if key == "properties" else strict(value)
        for key, value in schema.items()
        if not key.startswith("x-") and key not in {"description", "format", "default"}
    }
    if "properties" in made and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made
