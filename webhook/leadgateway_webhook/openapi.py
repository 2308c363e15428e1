"""The OpenAPI document of the intake, written by hand since its endpoint is. A test holds it against the live process.

The refusals and their codes come from `errors`, so that a new cause can't be forgotten here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any, get_args

from leadgateway.pipeline.lead import InvalidLeadCode
from leadgateway_webhook import errors
from leadgateway_webhook.errors import Refusal

_CAUSES: tuple[type[Refusal], ...] = (
    errors.InvalidBody,
    errors.InvalidIdempotencyKey,
    errors.MalformedRequest,
    errors.Unauthorized,
    errors.RouteNotFound,
    errors.MethodNotAllowed,
    errors.RequestTimeout,
    errors.BodyTooLarge,
    errors.UnsupportedMediaType,
    errors.UnsupportedContentEncoding,
    errors.IdempotencyKeyReused,
    errors.RateLimited,
    errors.HeadTooLarge,
    errors.Defect,
    errors.RouteNotLoaded,
    errors.DatabaseUnavailable,
    errors.Overloaded,
)
_UUID = {"type": "string", "format": "uuid", "examples": ["550e8400-e29b-41d4-a716-446655440000"]}


@cache
def document(version: str) -> dict[str, Any]:
    """The whole document.

    Args:
        version: Of the gateway.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lead Gateway",
            "version": version,
            "description": "Takes sales leads. A 200 means that the lead is stored and will be processed.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/webhooks/leads/": {"post": _operation("postLeadToDefaultRoute", "Send a lead to the default route")},
            "/webhooks/leads/{path}": {
                "parameters": [_PATH],
                "post": _operation("postLead", "Send a lead to a route"),
            },
        },
        "components": {
            "schemas": {"Lead": _LEAD, "Stored": _STORED},
            "securitySchemes": {"sharedSecret": _SHARED_SECRET},
        },
    }


_PATH = {
    "name": "path",
    "in": "path",
    "required": True,
    "description": "spec.path of the LeadRoute. A slash at the end changes nothing.",
    "schema": {"type": "string", "pattern": "^[^/]+$", "examples": ["solar-saarland"]},
}
_LEAD = {
    "type": "object",
    "description": "The lead. Which fields it needs, its route says; nothing else is asked of it here, but that it is "
    "JSON in UTF-8, nests no deeper than 64 levels and holds no number beyond a double's range.",
    "additionalProperties": True,
    "examples": [
        {"email": "user@example.com", "address": {"zip": "66123", "street": "123 Main St"}, "house": {"is_owner": True}}
    ],
}
_STORED = {
    "type": "object",
    "required": ["status", "lead_id", "correlation_id"],
    "additionalProperties": False,
    "properties": {
        "status": {
            "enum": ["accepted", "duplicate"],
            "description": "duplicate: the gateway has this lead already (by the route's deduplication, or by the "
            "Idempotency-Key), and the ids are those of the first one.",
        },
        "lead_id": {"type": "integer", "minimum": 1, "examples": [123]},
        "correlation_id": _UUID,
    },
}
_SHARED_SECRET = {
    "type": "apiKey",
    "in": "header",
    "name": "X-Shared-Secret",
    "description": "Asked for by routes with sharedSecrets. Sources that can't set headers may put it into the field "
    "of the body that the route names as sharedSecretField.",
}
_HEADERS = [
    {
        "name": "X-Correlation-ID",
        "in": "header",
        "description": "Kept when it is a UUID, ignored otherwise. Follows the lead to the customer.",
        "schema": {"type": "string"},
    },
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes a repeated post harmless: the same key with the same body is answered as a duplicate.",
        "schema": {"type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": 255},
    },
]


def _operation(name: str, summary: str) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["leads"],
        "security": [{}, {"sharedSecret": []}],
        "parameters": _HEADERS,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Lead"}}},
        },
        "responses": {"200": _success(), **_refusals()},
    }


def _success() -> dict[str, Any]:
    return {
        "description": "The lead is stored, on disk.",
        "headers": {"X-Correlation-ID": {"description": "Of this very post.", "schema": _UUID}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Stored"}}},
    }


def _refusals() -> dict[str, Any]:
    by_status: dict[int, list[type[Refusal]]] = defaultdict(list)
    for cause in _CAUSES:
        by_status[int(cause.status)].append(cause)
    return {str(status): _refusal(causes) for status, causes in sorted(by_status.items())}


def _refusal(causes: Iterable[type[Refusal]]) -> dict[str, Any]:
    codes = [code for cause in causes for code in _codes(cause)]
    headers: dict[str, Any] = {"X-Correlation-ID": {"description": "As in the body.", "schema": _UUID}}
    if any(map(_says_when, causes)):
        headers["Retry-After"] = {
            "description": "Seconds after which to try again.",
            "schema": {"type": "integer", "minimum": 1},
        }
    if errors.MethodNotAllowed in causes:
        headers["Allow"] = {"description": "What is allowed.", "schema": {"type": "string"}}
    return {
        "description": " ".join(f"`{code}`" for code in codes),
        "headers": headers,
        "content": {"application/json": {"schema": _error(codes)}},
    }


def _codes(cause: type[Refusal]) -> tuple[str, ...]:
    return get_args(InvalidLeadCode) if cause is errors.InvalidBody else (cause.code,)


def _says_when(cause: type[Refusal]) -> bool:
    return cause is errors.RateLimited or cause.retry_after is not None


def _error(codes: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["status", "code", "message", "correlation_id"],
        "additionalProperties": False,
        "properties": {
            "status": {"const": "error"},
            "code": {"enum": codes, "description": "For programs; stable."},
            "message": {"type": "string", "description": "For people; may change."},
            "correlation_id": _UUID,
        },
    }
