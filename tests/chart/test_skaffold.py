"""The Skaffold file: by Skaffold's own schema, and against the files that it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.chart.rendering import REPOSITORY, render

SCHEMA = Path(__file__).parent / "schemas" / "skaffold-v4beta14.json"


@pytest.fixture(scope="module")
def skaffold() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((REPOSITORY / "skaffold.yaml").read_text())
    return loaded


def test_the_file_meets_the_published_schema(skaffold: dict[str, Any]) -> None:
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))

    assert [str(error) for error in validator.iter_errors(skaffold)] == []
    assert skaffold["apiVersion"] == "skaffold/v4beta14"


def test_there_are_profiles_for_development_production_and_buildah(skaffold: dict[str, Any]) -> None:
    assert [profile["name"] for profile in skaffold["profiles"]] == ["dev", "prod", "buildah"]


def test_every_file_it_names_is_there(skaffold: dict[str, Any]) -> None:
    releases = [
        release
        for part in (skaffold, *skaffold["profiles"])
        for release in part.get("deploy", {}).get("helm", {}).get("releases", ())
    ]
    assert releases
    for release in releases:
        for named in [release["chartPath"], *release.get("valuesFiles", ())]:
            assert (REPOSITORY / named).exists(), named


def test_synced_sources_land_where_the_image_has_them(skaffold: dict[str, Any]) -> None:
    (artifact,) = skaffold["profiles"][0]["build"]["artifacts"]
    rules = artifact["sync"]["manual"]
    assert {rule["dest"] for rule in rules} == {"/app"}
    for rule in rules:
        matches = [path.relative_to(REPOSITORY) for path in REPOSITORY.glob(rule["src"])]
        assert matches
        assert all(str(path).startswith(rule["strip"]) for path in matches)


def test_the_development_release_reloads() -> None:
    values = yaml.safe_load((REPOSITORY / "charts/lead-gateway/values-dev.yaml").read_text())
    external = {"postgresql": {"existingSecret": "a"}, "valkey": {"existingSecret": "b"}}
    rendered = render({**external, "admission": {"enabled": False}, "development": values["development"]})
    commands = [
        rendered.pods()[f"Deployment/lead-gateway-{role}"]["containers"][0].get("command")
        for role in ("webhook", "worker", "console", "operator")
    ]
    assert commands == [["python", "-m", "leadgateway.dev.reload"]] * 4
