"""*Replay*: many leads at once, or move or reject them. First it says how many are meant, then how far it is.

Workers carry it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from leadgateway.store.bulk import BulkKind, BulkWish, TooMany, begin, bulk_action, bulk_actions, cancel, meant
from leadgateway.store.connection import Connection
from leadgateway.store.search import InvalidFilter, leads_by_id
from leadgateway.store.status import LeadStatus
from leadgateway_webhook.console.access import Principal, operator, viewer
from leadgateway_webhook.console.forms import read_own_form
from leadgateway_webhook.console.pages.lead import code_of, reason_of
from leadgateway_webhook.console.pages.leads import PLAIN, Asked, sentence_of
from leadgateway_webhook.console.parts import database, parts_of, render

_SHOWN = 20
"""Leads that a preview names."""
_HIGHEST = 2**63 - 1

Viewer = Annotated[Principal, Depends(viewer)]
Operator = Annotated[Principal, Depends(operator)]
Database = Annotated[Connection, Depends(database)]
ActionId = Annotated[int, Path(ge=1, le=_HIGHEST)]

_KINDS = {
    BulkKind.REPLAY: "Replay: send through again",
    BulkKind.MOVE: "Move to another route",
    BulkKind.REJECT: "Reject",
}
_STATUSES = sorted(frozenset(LeadStatus) - {LeadStatus.DELIVERED})

router = APIRouter(prefix="/replay")


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody wants to be done, as they wrote it.

    Attributes:
        kind: What.
        to: To which route, if leads are moved.
        reject_with: With which code, if they are rejected.
    """

    kind: str = BulkKind.REPLAY
    to: str = ""
    reject_with: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Act:
        """Take it from a form or an address."""
        return cls(
            given.get("kind") or BulkKind.REPLAY, given.get("to_route", "").strip(), given.get("reject_with", "")
        )

    def wish(self, request: Request, *, reason: str | None = None) -> BulkWish:
        """What is to be done.

        Raises:
            HTTPException: It can't be (400).
        """
        if self.kind not in frozenset(BulkKind):
            raise HTTPException(HTTPStatus.BAD_REQUEST, "Leads can be replayed, moved or rejected.")
        kind = BulkKind(self.kind)
        if kind is BulkKind.MOVE and self.to not in parts_of(request).catalogue.current.routes:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "There is no such route to move them to.")
        return BulkWish(
            kind,
            reason=reason,
            route=self.to if kind is BulkKind.MOVE else None,
            code=code_of(self.reject_with) if kind is BulkKind.REJECT else None,
        )


@router.get("")
def index(request: Request, principal: Viewer, connection: Database) -> Response:
    """The form, filled in as the address says, and what was done of late."""
    query = request.query_params
    asked = Asked({name: query.get(name, "") for name in PLAIN}, query.getlist("status"), None)
    return _page(request, principal, connection, asked, act=Act.of(query))


@router.post("/preview")
async def preview(request: Request, principal: Operator, connection: Database) -> Response:
    """How many leads are meant, and the newest of them. Nothing is done."""
    form = await read_own_form(request, parts_of(request).access, principal)
    return await run_in_threadpool(_preview, request, principal, connection, _from(form), act=Act.of(form))


@router.post("/begin")
async def start(request: Request, principal: Operator, connection: Database) -> Response:
    """Begin, and show how far it is."""
    form = await read_own_form(request, parts_of(request).access, principal)
    asked, act = _from(form), Act.of(form)
    wish = act.wish(request, reason=reason_of(form.get("reason", "")))
    if wish.kind is BulkKind.REJECT and wish.reason is None:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "Say why they are rejected: the reason goes into the audit.")

    def begun() -> Response:
        try:
            lead_ids = meant(connection, asked.filter(), wish)
        except (InvalidFilter, TooMany) as error:
            return _page(request, principal, connection, asked, act=act, problem=sentence_of(error))
        action = begin(connection, lead_ids, wish, person=principal.name)
        return RedirectResponse(f"/replay/{action.action_id}", HTTPStatus.SEE_OTHER)

    return await run_in_threadpool(begun)


@router.get("/{action_id}")
def progress(action_id: ActionId, request: Request, principal: Viewer, connection: Database) -> Response:
    """How far one is."""
    action = bulk_action(connection, action_id)
    if action is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "There is no such act.")
    return render(request, "action.html", principal, action=action)


@router.post("/{action_id}/cancel")
async def call_off(action_id: ActionId, request: Request, principal: Operator, connection: Database) -> Response:
    """Call one off; what was done stays done."""
    await read_own_form(request, parts_of(request).access, principal)
    await run_in_threadpool(cancel, connection, action_id, person=principal.name)
    return RedirectResponse(f"/replay/{action_id}", HTTPStatus.SEE_OTHER)


def _from(form: Mapping[str, str]) -> Asked:
    statuses = [status.value for status in LeadStatus if form.get(f"status_{status}")]
    return Asked({name: form.get(name, "") for name in PLAIN}, statuses, None)


def _preview(request: Request, principal: Principal, connection: Connection, asked: Asked, *, act: Act) -> Response:
    try:
        found = meant(connection, asked.filter(), act.wish(request))
    except (InvalidFilter, TooMany) as error:
        return _page(request, principal, connection, asked, act=act, problem=sentence_of(error))
    shown = leads_by_id(connection, found[:_SHOWN])
    return _page(request, principal, connection, asked, act=act, meant=len(found), shown=shown)


def _page(
    request: Request,
    principal: Principal,
    connection: Connection,
    asked: Asked,
    *,
    act: Act,
    problem: str = "",
    **values: object,
) -> Response:
    found: dict[str, object] = {"meant": None, "shown": []}
    return render(
        request,
        "replay.html",
        principal,
        status=HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK,
        asked=asked,
        act=act,
        problem=problem,
        kinds=_KINDS,
        statuses=[status.value for status in _STATUSES],
        routes=sorted(parts_of(request).catalogue.current.routes),
        actions=bulk_actions(connection, limit=20),
        **(found | values),
    )
