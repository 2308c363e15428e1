"""The CustomResourceDefinition is what the model says, in the form that Kubernetes takes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leadgateway.route.crd import custom_resource_definition, render, structural_schema

CRD_FILE = Path(__file__).parents[3] / "crds" / "leadroutes.yaml"
FREE_JSON = {
    "spec.validation.rules[].equals",
    "spec.validation.rules[].in[]",
    "spec.mapping.*.value",
    "spec.mapping.*.default",
    "spec.tests[].lead",
    "spec.tests[].deliver",
}


def below(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from below(child, f"{path}.{name}")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from below(schema["additionalProperties"], f"{path}.*")
    if "items" in schema:
        yield from below(schema["items"], f"{path}[]")


FIELDS = dict(below(structural_schema()["properties"]["spec"], "spec"))


def test_the_file_is_what_the_model_generates() -> None:
    assert CRD_FILE.read_text() == render(), "stale: run `make generate`"


def test_the_module_prints_the_file() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "leadgateway.route.crd"], capture_output=True, text=True, check=True
    )

    assert printed.stdout == CRD_FILE.read_text()


@pytest.mark.parametrize("path", [path for path in FIELDS if not path.endswith(("[]", "*"))])
def test_every_field_of_the_spec_explains_itself_in_a_sentence(path: str) -> None:
    assert re.match(r"[A-Z0-9`].{10,}[.:?] ?", FIELDS[path].get("description", ""))


@pytest.mark.parametrize("path", FIELDS)
def test_every_string_list_and_map_is_bounded(path: str) -> None:
    field = FIELDS[path]
    match field.get("type"):
        case "string":
            assert "maxLength" in field or "enum" in field
        case "array":
            assert "maxItems" in field
        case "object" if "properties" not in field:
            assert "maxProperties" in field


@pytest.mark.parametrize("path", FIELDS)
def test_free_json_stands_only_where_it_is_meant(path: str) -> None:
    assert ("x-kubernetes-preserve-unknown-fields" in FIELDS[path]) == (path in FREE_JSON)


@pytest.mark.parametrize("path", FIELDS)
def test_nothing_refers_away_or_may_be_null(path: str) -> None:
    assert not {"$ref", "anyOf", "title", "const", "nullable"} & FIELDS[path].keys()


@pytest.mark.parametrize("path", FIELDS)
def test_unknown_fields_are_left_to_the_api_server(path: str) -> None:
    field = FIELDS[path]

    assert not ("properties" in field and "additionalProperties" in field)


def test_every_rule_has_a_message_that_says_what_to_write() -> None:
    rules = [rule for field in FIELDS.values() for rule in field.get("x-kubernetes-validations", ())]

    assert len(rules) >= 10
    assert all(len(rule["message"]) > 15 for rule in rules)


def test_lists_with_keys_are_maps_to_kubernetes() -> None:
    keys = {
        path: field.get("x-kubernetes-list-map-keys") for path, field in FIELDS.items() if field.get("type") == "array"
    }

    assert keys["spec.endpoint.headers"] == ["name"]
    assert keys["spec.source.sharedSecrets"] == ["name", "key"]
    assert keys["spec.tests"] == ["name"]


def test_kubectl_shows_what_a_person_asks_for_first() -> None:
    (version,) = custom_resource_definition()["spec"]["versions"]
    columns = version["additionalPrinterColumns"]

    always = [column["name"] for column in columns if not column.get("priority")]
    assert always == ["Ready", "Delivering", "Path", "Endpoint", "Age"]
    assert [column["name"] for column in columns if column.get("priority")] == ["Hash", "Webhook", "Worker", "Reason"]
