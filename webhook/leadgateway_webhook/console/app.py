"""The console's application: which path is what, and how errors look to people and to programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from leadgateway import __version__
from leadgateway.store.connection import Engine
from leadgateway.store.errors import StoreError, StoreTimeout, StoreUnavailable
from leadgateway_webhook.console.access import Access, ForeignHost, NotAllowed, NotSignedIn
from leadgateway_webhook.console.api import PREFIX, api_router
from leadgateway_webhook.console.catalogue import RouteCatalogue
from leadgateway_webhook.console.metrics import Metrics
from leadgateway_webhook.console.pages import erase, find, lead, leads, login, now, replay, routes
from leadgateway_webhook.console.parts import Parts, parts_of
from leadgateway_webhook.console.protection import Protection
from leadgateway_webhook.console.rendering import Templates
from leadgateway_webhook.console.signing_in import Attempts
from leadgateway_webhook.spans import UNTRACED

API = "/api/"

_log = structlog.get_logger(__name__)


def create_app(
    access: Access, *, engine: Engine, catalogue: RouteCatalogue, metrics: Metrics, is_ending: Callable[[], bool]
) -> ASGIApp:
    """Put pages and API behind the protection.

    Args:
        access: Who is who.
        engine: The database.
        catalogue: The published routes.
        metrics: Where is counted.
        is_ending: Whether the process has been told to end.
    """
    app = FastAPI(
        title="Lead Gateway console",
        version=__version__,
        openapi_url=f"{PREFIX}/openapi.json",
        # FastAPI's documentation pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=UNTRACED,
    )
    app.state.access = access
    app.state.parts = Parts(
        access=access,
        engine=engine,
        catalogue=catalogue,
        templates=Templates(),
        attempts=Attempts(),
        metrics=metrics,
        is_ending=is_ending,
    )
    app.state.observer = now.Observer()
    for module in (login, now, find, leads, lead, replay, routes, erase):
        app.include_router(module.router, include_in_schema=False)
    app.include_router(api_router())
    app.add_api_route("/static/{name}", _static, include_in_schema=False)
    app.add_exception_handler(NotSignedIn, _sign_in)
    for kind in (NotAllowed, ForeignHost, StoreError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _explain)
    return Protection(app, metrics=metrics, is_secure=access.is_secure, public_url=access.public_url)


def _static(name: str, request: Request) -> Response:
    file = parts_of(request).templates.static.get(name)
    if file is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    # Its address changes with its content.
    headers = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(file.content, media_type=file.content_type, headers=headers)


async def _sign_in(request: Request, _: Exception) -> Response:
    """Programs are told, people are led to the page where they can sign in, and back afterwards."""
    if request.url.path.startswith(API):
        problem = _Problem(HTTPStatus.UNAUTHORIZED, "Send a Bearer token, or sign in to the console.")
        response = problem.as_json()
        response.headers["www-authenticate"] = "Bearer"
        return response
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    query = f"?{urlencode({'next': wanted})}" if request.method == "GET" and wanted != "/" else ""
    return RedirectResponse(f"/login{query}", HTTPStatus.SEE_OTHER)


async def _explain(request: Request, error: Exception) -> Response:
    """An error as a page, or as problem details (RFC 9457) for programs."""
    problem = _problem(error)
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("console.defect", error=type(error).__name__, path=_template_of(request), exc_info=error)
    headers = getattr(error, "headers", None)
    if request.url.path.startswith(API):
        answer: Response = problem.as_json()
    else:
        templates = parts_of(request).templates
        answer = templates.page("error.html", None, status=problem.status, title=problem.title, detail=problem.detail)
    answer.headers.update(headers or {})
    return answer


@dataclass(frozen=True, slots=True)
class _Problem:
    status: HTTPStatus
    detail: str

    @property
    def title(self) -> str:
        return self.status.phrase

    def as_json(self) -> JSONResponse:
        content = {"type": "about:blank", "title": self.title, "status": int(self.status), "detail": self.detail}
        return JSONResponse(content, self.status, media_type="application/problem+json")


def _problem(error: Exception) -> _Problem:
    if isinstance(error, HTTPException):
        status = HTTPStatus(error.status_code)
        detail = error.detail if error.detail != status.phrase else _DETAILS.get(status, status.description)
        return _Problem(status, detail)
    if isinstance(error, RequestValidationError):
        sentences = [f"{'.'.join(map(str, entry['loc'][1:]))}: {entry['msg']}" for entry in error.errors()]
        return _Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(sentences))
    return next((problem for kind, problem in _PROBLEMS.items() if isinstance(error, kind)), _DEFECT)


_PROBLEMS: dict[type[Exception], _Problem] = {
    NotAllowed: _Problem(HTTPStatus.FORBIDDEN, "You may look at leads, but not act on them: that takes an operator."),
    ForeignHost: _Problem(
        HTTPStatus.MISDIRECTED_REQUEST,
        "This console asks nobody who they are, so it answers to the names of its own machine only: open it as "
        "http://127.0.0.1, or set a password (docs/console.md).",
    ),
    StoreTimeout: _Problem(HTTPStatus.SERVICE_UNAVAILABLE, "The database took too long. Ask for less at once."),
    StoreUnavailable: _Problem(HTTPStatus.SERVICE_UNAVAILABLE, "The database can't be reached at the moment."),
}
_DEFECT = _Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "A fault of the console's own. Its log says more.")
_DETAILS = {
    HTTPStatus.NOT_FOUND: "There is nothing here, or it is no longer kept.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address doesn't take that kind of request.",
}


def _template_of(request: Request) -> str:
    """The path as the application has it: what stands in its place may be about a person."""
    return str(getattr(request.scope.get("route"), "path", "none"))
