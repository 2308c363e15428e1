"""Signing in and out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from leadgateway_webhook.console.access import LONGEST_NAME, NotSignedIn, Principal, person_name, viewer
from leadgateway_webhook.console.forms import read_form, read_own_form
from leadgateway_webhook.console.parts import Parts, parts_of

router = APIRouter()

_log = structlog.get_logger(__name__)


@router.get("/login")
def show(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name of a parameter people see
    """The form, unless who asks is known already."""
    parts = parts_of(request)
    target = _own_path(next)
    try:
        parts.access.principal(request)
    except NotSignedIn:
        return _form(parts, target)
    return RedirectResponse(target, HTTPStatus.SEE_OTHER)


@router.post("/login")
async def sign_in(request: Request) -> Response:
    """Take a name and a password, and begin a session."""
    parts = parts_of(request)
    if not parts.access.takes_passwords:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    form = await read_form(request)
    target = _own_path(form.get("next", "/"))
    address = request.client.host if request.client else ""
    wait = parts.attempts.wait_seconds(address)
    if wait:
        answer = _form(
            parts, target, f"Too many wrong passwords. Try again in {wait} seconds.", HTTPStatus.TOO_MANY_REQUESTS
        )
        answer.headers["retry-after"] = str(wait)
        return answer
    name = person_name(form.get("name", ""))
    if name is None:
        return _form(
            parts, target, f"Give your name, of {LONGEST_NAME} characters at the most.", HTTPStatus.BAD_REQUEST
        )
    role = parts.access.role_of(form.get("password", ""))
    if role is None:
        parts.attempts.failed(address)
        parts.metrics.failed_sign_ins.inc()
        _log.warning("console.sign_in_failed", address=address)
        return _form(parts, target, "This is not the password.", HTTPStatus.FORBIDDEN)
    parts.attempts.succeeded(address)
    answer = RedirectResponse(target, HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        parts.access.cookie,
        parts.access.sessions.begin(name, role),
        max_age=parts.access.session_seconds,
        path="/",
        secure=parts.access.is_secure,
        httponly=True,
        samesite="lax",
    )
    _log.info("console.signed_in", person=name, role=role.value)
    return answer


@router.post("/logout")
async def sign_out(request: Request, principal: Annotated[Principal, Depends(viewer)]) -> Response:
    """End the session of this browser."""
    parts = parts_of(request)
    await read_own_form(request, parts.access, principal)
    answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(parts.access.cookie, path="/", secure=parts.access.is_secure, httponly=True, samesite="lax")
    return answer


def _form(parts: Parts, target: str, problem: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response:
    return parts.templates.page(
        "login.html", None, status=status, next=target, problem=problem, takes_passwords=parts.access.takes_passwords
    )


def _own_path(target: str) -> str:
    """Where to go afterwards: a path of ours, never another site."""
    is_ours = target.startswith("/") and target[1:2] not in ("/", "\\") and target.isprintable()
    return target if is_ours and not target.startswith("/login") else "/"
