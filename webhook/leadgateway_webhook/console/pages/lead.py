"""*Lead*: one lead's whole story, and what can be done about it.

What it holds about a person (body, payload, headers, the customer's answers) is covered until somebody asks to see it;
each such look is recorded first.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from leadgateway.store.connection import Connection
from leadgateway.store.looks import Look, record_look
from leadgateway.store.people import Acted, move, reject, replay
from leadgateway.store.status import MOVABLE, WAITING, LeadStatus
from leadgateway.store.story import lead_story
from leadgateway_webhook.console.access import Principal, operator, viewer
from leadgateway_webhook.console.forms import read_own_form
from leadgateway_webhook.console.parts import database, parts_of, render
from leadgateway_webhook.console.telling import contents_of, events_of

LONGEST_REASON = 500
"""Characters of a reason, which goes into the audit."""
_LONGEST_CODE = 64
_HIGHEST = 2**63 - 1

LeadId = Annotated[int, Path(ge=1, le=_HIGHEST)]
Viewer = Annotated[Principal, Depends(viewer)]
Operator = Annotated[Principal, Depends(operator)]
Database = Annotated[Connection, Depends(database)]

_DONE = {
    "replayed": "It is sent through again, by the rules of today.",
    "rejected": "It was rejected.",
    "moved": "It was moved, and will be judged by the rules of its new route.",
}

router = APIRouter(prefix="/leads/{lead_id}")


@router.get("")
def show(lead_id: LeadId, request: Request, principal: Viewer, connection: Database, done: str = "") -> Response:
    """The story, with what it holds about a person covered."""
    return _page(request, principal, connection, lead_id, notice=_DONE.get(done, ""))


@router.post("/look")
async def look(lead_id: LeadId, request: Request, principal: Viewer, connection: Database) -> Response:
    """The story with everything, after the look was recorded."""
    await read_own_form(request, parts_of(request).access, principal)

    def recorded() -> Response:
        record_look(connection, Look("contents", 1, lead_id), person=principal.name)
        return _page(request, principal, connection, lead_id, is_open=True)

    return await run_in_threadpool(recorded)


@router.post("/replay")
async def send_again(lead_id: LeadId, request: Request, principal: Operator, connection: Database) -> Response:
    """Send it through again."""
    form = await read_own_form(request, parts_of(request).access, principal)
    reason = reason_of(form.get("reason", ""))
    return await _act(
        request,
        principal,
        connection,
        lead_id,
        act=lambda: replay(connection, [lead_id], person=principal.name, reason=reason),
        done="replayed",
    )


@router.post("/reject")
async def turn_down(lead_id: LeadId, request: Request, principal: Operator, connection: Database) -> Response:
    """Turn it down, with a code as rules have one."""
    form = await read_own_form(request, parts_of(request).access, principal)
    code, reason = code_of(form.get("code", "")), reason_of(form.get("reason", ""))
    if reason is None:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "Say why it is rejected: the reason goes into the audit.")
    return await _act(
        request,
        principal,
        connection,
        lead_id,
        act=lambda: reject(connection, [lead_id], code=code, person=principal.name, reason=reason),
        done="rejected",
    )


@router.post("/move")
async def give_away(lead_id: LeadId, request: Request, principal: Operator, connection: Database) -> Response:
    """Give it to another route."""
    form = await read_own_form(request, parts_of(request).access, principal)
    route, reason = form.get("route", ""), reason_of(form.get("reason", ""))
    if route not in parts_of(request).catalogue.current.routes:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "There is no such route to move it to.")
    return await _act(
        request,
        principal,
        connection,
        lead_id,
        act=lambda: move(connection, [lead_id], route=route, person=principal.name, reason=reason),
        done="moved",
    )


async def _act(
    request: Request,
    principal: Principal,
    connection: Connection,
    lead_id: int,
    *,
    act: Callable[[], Acted],
    done: str,
) -> Response:
    acted = await run_in_threadpool(act)
    if acted.done:
        return RedirectResponse(f"/leads/{lead_id}?done={done}", HTTPStatus.SEE_OTHER)
    problem = f"Nothing was done: {acted.refused[lead_id]}."
    return await run_in_threadpool(_page, request, principal, connection, lead_id, problem=problem)


def _page(
    request: Request,
    principal: Principal,
    connection: Connection,
    lead_id: int,
    *,
    is_open: bool = False,
    notice: str = "",
    problem: str = "",
) -> Response:
    story = lead_story(connection, lead_id)
    if story is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"There is no lead {lead_id}, or it is no longer kept.")
    has_contents = story.contents_removed_at is None
    return render(
        request,
        "lead.html",
        principal,
        status=HTTPStatus.CONFLICT if problem else HTTPStatus.OK,
        story=story,
        is_open=is_open,
        notice=notice,
        problem=problem,
        events=events_of(story),
        contents=contents_of(story, is_open=is_open),
        may_replay=has_contents and story.status in (LeadStatus.REJECTED, LeadStatus.PERMANENTLY_FAILED),
        may_reject=story.status in WAITING,
        may_move=has_contents and story.status in MOVABLE,
        routes=sorted(parts_of(request).catalogue.current.routes.keys() - {story.route}),
    )


def code_of(text: str) -> str:
    """A reject code, as rules have one.

    Raises:
        HTTPException: It is none (400).
    """
    code = text.strip().upper()
    if not code.isascii() or not code.replace("_", "").isalnum() or len(code) > _LONGEST_CODE:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "A code is letters, digits and _, such as SPAM.")
    return code


def reason_of(text: str) -> str | None:
    """A reason as the audit keeps it.

    Raises:
        HTTPException: It is too long (400).
    """
    reason = " ".join(text.split())
    if len(reason) > LONGEST_REASON:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"A reason has {LONGEST_REASON} characters at the most.")
    return reason or None
