"""The CustomResourceDefinition of LeadRoute, generated from the model: `python -m leadgateway.route.crd`.

Pydantic's JSON schema says more, and other things, than a structural schema of Kubernetes may: references are written
out, optional fields lose their `null`, unknown fields are pruned or refused by the API server itself, and only scalars
keep their defaults, so that an object shows what its author wrote.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, TypeAlias

import yaml

from leadgateway.route.model import GROUP, KIND, VERSION, LeadRoute

Schema: TypeAlias = dict[str, Any]

PLURAL = "leadroutes"

_HEAD = "# Generated from core/leadgateway/route/model.py by `make generate`; a test fails when it is stale.\n"

_READY = '.status.conditions[?(@.type=="Ready")]'

_DELIVERING = '.status.conditions[?(@.type=="Delivering")].status'

_COLUMNS = (
    ("Ready", "string", f"{_READY}.status", "Whether every pod runs this LeadRoute as it is written.", 0),
    ("Delivering", "string", _DELIVERING, "Whether leads are sent to the customer as they come.", 0),
    ("Path", "string", ".status.url", "Where leads are posted to.", 0),
    ("Endpoint", "string", ".spec.endpoint.url", "Where leads are delivered to.", 0),
    ("Age", "date", ".metadata.creationTimestamp", "Since when it exists.", 0),
    ("Hash", "string", ".status.configHash", "Stands for the configuration that runs.", 1),
    ("Webhook", "string", ".status.replicas.webhook", "Webhook pods that have loaded it, of all.", 1),
    ("Worker", "string", ".status.replicas.worker", "Worker pods that have loaded it, of all.", 1),
    ("Reason", "string", f"{_READY}.reason", "Why it is ready or not.", 1),
)

_SELECTABLE = (".spec.path", ".spec.default", ".spec.paused")

_KEPT = frozenset({
    "type", "description", "format", "default", "enum", "required", "minimum", "maximum", "minLength", "maxLength",
    "pattern", "minItems", "maxItems", "minProperties", "maxProperties", "properties", "items", "additionalProperties",
    "oneOf",
})  # fmt: skip
"""What a structural schema may hold, of what Pydantic writes; beside it everything that begins with x-kubernetes-."""


def custom_resource_definition() -> Schema:
    """Build the CustomResourceDefinition, as the API server reads it (apiextensions.k8s.io/v1)."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["lr"],
                "categories": ["leadgateway"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(*column) for column in _COLUMNS],
                    "selectableFields": [{"jsonPath": path} for path in _SELECTABLE],
                    "schema": {"openAPIV3Schema": structural_schema()},
                }
            ],
        },
    }


def structural_schema() -> Schema:
    """Build the structural schema of a whole LeadRoute."""
    written = LeadRoute.model_json_schema(by_alias=True)
    schema = _structural(written, written.get("$defs", {}))
    schema["properties"] |= {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    }
    schema["required"] = ["spec"]
    return schema


def render() -> str:
    """Write the CustomResourceDefinition as YAML, the same bytes at each call."""
    text = yaml.dump(custom_resource_definition(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return _HEAD + text


def _column(name: str, kind: str, path: str, description: str, priority: int) -> Schema:
    column = {"name": name, "type": kind, "jsonPath": path, "description": description}
    return column | {"priority": priority} if priority else column


def _structural(schema: Mapping[str, Any], definitions: Mapping[str, Schema]) -> Schema:
    """Translate one schema and all below it."""
    flat = _without_null(_resolved(schema, definitions), definitions)
    found = {key: value for key, value in flat.items() if key in _KEPT or key.startswith("x-kubernetes-")}
    if "const" in flat:
        found["enum"] = [flat["const"]]
    if "properties" in found:
        found["properties"] = {name: _structural(each, definitions) for name, each in found["properties"].items()}
        # Beside `properties` it would be refused: unknown fields are the API server's own business.
        found.pop("additionalProperties", None)
    if isinstance(found.get("additionalProperties"), dict):
        found["additionalProperties"] = _structural(found["additionalProperties"], definitions)
    if "items" in found:
        found["items"] = _structural(found["items"], definitions)
    if found.get("default") is None or isinstance(found["default"], dict | list):
        found.pop("default", None)
    if found.get("type") == "integer":
        found["format"] = "int64"
    if "description" in found:
        found["description"] = _description(found["description"], flat.get("examples", ()))
    return dict(sorted(found.items(), key=lambda entry: _order(entry[0])))


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Schema]) -> Schema:
    """Replace a reference by what it names; what stands beside the reference wins."""
    if "$ref" not in schema:
        return dict(schema)
    name = str(schema["$ref"]).removeprefix("#/$defs/")
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return _resolved(definitions[name], definitions) | beside


def _without_null(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Turn "this or null" into "this": in Kubernetes an optional field is left out."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) != 1:
        return schema
    beside = {key: value for key, value in schema.items() if key != "anyOf"}
    return _resolved(choices[0], definitions) | beside


def _description(text: str, examples: Any) -> str:
    """Join the lines of a docstring, and add the example, which `kubectl explain` would not show."""
    sentences = " ".join(text.split())
    if not examples:
        return sentences
    example = examples[0] if isinstance(examples[0], str) else json.dumps(examples[0], ensure_ascii=False)
    return f"{sentences} Example: {example}"


def _order(key: str) -> tuple[int, str]:
    """Put what a person reads first first."""
    first = ("description", "type", "format", "default", "enum")
    last = ("required", "properties", "items", "additionalProperties", "oneOf", "x-kubernetes-validations")
    if key in first:
        return first.index(key), key
    return (50 + last.index(key) if key in last else 10), key


class _Dumper(yaml.SafeDumper):
    """Writes shared parts out instead of as anchors, which not every reader of manifests takes."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


if __name__ == "__main__":
    sys.stdout.write(render())
