"""What the pages are served from, found through the request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from fastapi import Request
from fastapi.responses import HTMLResponse

from leadgateway.store.connection import Connection, Engine
from leadgateway_webhook.console.access import Access, Principal
from leadgateway_webhook.console.catalogue import RouteCatalogue
from leadgateway_webhook.console.metrics import Metrics
from leadgateway_webhook.console.rendering import Templates
from leadgateway_webhook.console.signing_in import Attempts


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one console.

    Attributes:
        access: Who is who.
        engine: The database.
        catalogue: The published routes.
        templates: The pages' shapes.
        attempts: Wrong passwords.
        metrics: What is counted.
        is_ending: Whether the process has been told to end: what streams has to stop.
    """

    access: Access
    engine: Engine
    catalogue: RouteCatalogue
    templates: Templates
    attempts: Attempts
    metrics: Metrics
    is_ending: Callable[[], bool]


def parts_of(request: Request) -> Parts:
    """The parts that serve a request."""
    return cast("Parts", request.app.state.parts)


def render(
    request: Request, template: str, principal: Principal, *, status: int = HTTPStatus.OK, **values: Any
) -> HTMLResponse:
    """A page for somebody who is known, whose forms are theirs.

    Args:
        request: What it answers.
        template: The name of its file.
        principal: Who looks at it.
        status: Of the answer.
        values: What it shows.
    """
    parts = parts_of(request)
    form_token = parts.access.sessions.form_token(principal.holder)
    return parts.templates.page(template, principal, status=status, form_token=form_token, **values)


def stream(request: Request, template: str, principal: Principal, **values: Any) -> Iterator[bytes]:
    """A page for somebody who is known, piece by piece, as its values come to be; see `render`."""
    parts = parts_of(request)
    form_token = parts.access.sessions.form_token(principal.holder)
    return parts.templates.pieces(template, principal, form_token=form_token, **values)


def database(request: Request) -> Iterator[Connection]:
    """A connection for one request, in autocommit (a FastAPI dependency).

    Raises:
        StoreUnavailable: PostgreSQL can't be reached.
    """
    with parts_of(request).engine.connect() as connection:
        yield connection
