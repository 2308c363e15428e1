"""The samples are routes that work: they compile, find their credentials and prove themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadgateway.pipeline.examples import run_examples
from leadgateway.route.compile import compile_route
from leadgateway.route.manifest import Manifests, load_file
from leadgateway.route.shard import resolve_credentials
from leadgateway.route.snapshot import RouteSnapshot

FOLDER = Path(__file__).parents[3] / "crds" / "samples"
SAMPLES = sorted(FOLDER.rglob("*.yaml"))


def snapshot(manifests: Manifests) -> RouteSnapshot:
    ((_, route),) = manifests.routes
    compiled = compile_route(route)
    assert isinstance(compiled, RouteSnapshot), compiled
    return compiled


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_a_sample_compiles_and_its_own_tests_pass(file: Path) -> None:
    manifests = load_file(file)
    route = snapshot(manifests)

    assert manifests.problems == ()
    assert run_examples(route) == []
    assert any(example.reject for example in route.examples)


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_a_sample_brings_the_secrets_that_it_refers_to(file: Path) -> None:
    manifests = load_file(file)
    secrets = {(each.namespace, each.name): each.values for each in manifests.secrets if each.is_labelled}

    assert resolve_credentials(snapshot(manifests), secrets).token


def test_the_samples_for_production_can_run_in_one_gateway() -> None:
    routes = [snapshot(load_file(file)) for file in SAMPLES if file.parent == FOLDER]

    assert len({route.path for route in routes}) == len(routes) == 3
    assert all(any(example.deliver for example in route.examples) for route in routes)
    assert sum(route.default for route in routes) == 1
    assert not any(route.endpoint.allow_private_networks for route in routes)


def test_the_sample_for_development_delivers_to_the_demo_customer() -> None:
    route = snapshot(load_file(FOLDER / "dev" / "solar-saarland.yaml"))

    assert route.endpoint.url == "http://127.0.0.1:8010/lead/receive"
    assert route.endpoint.allow_private_networks
    assert route.default
    assert route.intake.shared_secrets == (), "the curl of the README needs none"


def test_the_route_for_google_reads_the_key_in_the_body() -> None:
    route = snapshot(load_file(FOLDER / "google-ads-lead-form.yaml"))

    assert str(route.intake.shared_secret_field) == "google_key"
    assert len(route.intake.shared_secrets) == 1
