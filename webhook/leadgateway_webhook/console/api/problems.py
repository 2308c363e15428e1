"""Errors as problem details (RFC 9457), each with a type that programs can tell from others."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from leadgateway.store.search import InvalidFilter
from leadgateway.store.statistics import InvalidPeriod

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str
    detail: str


class ProblemDetails(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


@dataclass(frozen=True, slots=True)
class Problem(Exception):  # named as RFC 9457 does
    """Why a request of the API is not fulfilled.

    Attributes:
        status: The HTTP status.
        kind: What programs tell problems apart by; the last part of the type.
        detail: A sentence for people, with the remedy.
        errors: By field, where fields are wrong.
    """

    status: HTTPStatus
    kind: str
    detail: str
    errors: tuple[FieldError, ...] = field(default=())

    def response(self) -> Response:
        """The answer."""
        details = ProblemDetails(
            type=f"urn:leadgateway:problem:{self.kind}",
            title=self.status.phrase,
            status=int(self.status),
            detail=self.detail,
            errors=list(self.errors),
        )
        return JSONResponse(details.model_dump(), self.status, media_type=MEDIA_TYPE)


def not_found(what: str) -> Problem:
    """Nothing of this number is there."""
    return Problem(HTTPStatus.NOT_FOUND, "not-found", f"There is no such {what}, or it is no longer kept.")


def conflict(detail: str) -> Problem:
    """It is there, but in no state for this."""
    return Problem(HTTPStatus.CONFLICT, "conflict", detail)


def invalid(*errors: FieldError) -> Problem:
    """Fields are wrong."""
    sentences = "; ".join(f"{error.field}: {error.detail}" for error in errors)
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", sentences, errors)


class ProblemRoute(APIRoute):
    """An address whose errors are problems."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler."""
        handle = super().get_route_handler()

        async def handle_with_problems(request: Request) -> Response:
            try:
                return await handle(request)
            except Problem as problem:
                return problem.response()
            except (InvalidFilter, InvalidPeriod) as error:
                return invalid(FieldError(field=error.field, detail=error.sentence)).response()
            except RequestValidationError as error:
                return invalid(*map(_field_error, error.errors())).response()

        return handle_with_problems


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers that are problems, for the OpenAPI document."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "model": ProblemDetails, "content": content}
        for status in statuses
    }


def _field_error(entry: Any) -> FieldError:
    # Pydantic's message may quote what was sent; it never does for what is about a person: those are plain text here.
    place = [str(part) for part in entry["loc"] if part not in ("body", "query", "path")]
    return FieldError(field=".".join(place) or "body", detail=str(entry["msg"]))
