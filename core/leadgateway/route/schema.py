"""Kubernetes' own schema extensions, for the model's `json_schema_extra`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CelRule:
    """A rule that the API server evaluates on apply.

    Attributes:
        rule: CEL over `self`. It can't see fields of free JSON.
        message: What a person reads when it fails: what to write instead.
    """

    rule: str
    message: str


def rules(*cel_rules: CelRule) -> dict[str, Any]:
    """`x-kubernetes-validations`."""
    return {"x-kubernetes-validations": [{"rule": rule.rule, "message": rule.message} for rule in cel_rules]}


def list_keys(*keys: str) -> dict[str, Any]:
    """A list whose elements are told apart by these keys, so that several field managers can share it."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


def list_set() -> dict[str, Any]:
    """A list of scalars without duplicates."""
    return {"x-kubernetes-list-type": "set"}


def one_of(*fields: str) -> dict[str, Any]:
    """Exactly one of these fields is set; also for fields of free JSON, which no CEL rule can see.

    The API server calls the first one required when none is set, so the likeliest stands first.
    """
    return {"oneOf": [{"required": [field]} for field in fields]}
