"""What an operator does to many leads at once: a dry run first, progress while it runs, and calling it off."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from leadgateway.store.bulk import (
    BulkAction,
    BulkKind,
    BulkState,
    BulkWish,
    TooMany,
    begin,
    bulk_action,
    bulk_actions,
    cancel,
    meant,
)
from leadgateway_webhook.console.api.acts import BY_HAND, Operator, Reason, require_published
from leadgateway_webhook.console.api.filters import FilterBody, RejectCode, RouteName
from leadgateway_webhook.console.api.leads import HIGHEST_ID, Database, Viewer
from leadgateway_webhook.console.api.problems import (
    FieldError,
    ProblemRoute,
    conflict,
    documented,
    invalid,
    not_found,
)

router = APIRouter(route_class=ProblemRoute, tags=["acts"])

ActionId = Annotated[int, Path(ge=1, le=HIGHEST_ID)]


class BulkBody(BaseModel):
    """What to do to which leads."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: BulkKind
    filter: FilterBody
    dry_run: bool = Field(True, description="only say how many leads would be acted on")
    reason: Reason | None = None
    route: RouteName | None = Field(None, description="where to, if kind is move")
    code: RejectCode | None = Field(None, description="if kind is reject")


class Bulk(BaseModel):
    """An act on many leads, and how far it is; for a dry run only `total`, `kind` and what was asked for."""

    action_id: int | None
    kind: BulkKind
    state: BulkState | None
    actor: str | None
    reason: str | None
    route: str | None
    code: str | None
    created_at: datetime | None
    finished_at: datetime | None
    total: int = Field(description="leads that are meant and stand where this can be done to them")
    processed: int
    done: int
    refused: int = Field(description="had changed meanwhile")
    cancelled_by: str | None


class BulkList(BaseModel):
    """The acts of late, the newest first."""

    bulk_actions: list[Bulk]


@router.post(
    "/bulk-actions", status_code=HTTPStatus.ACCEPTED, responses={200: {"model": Bulk, "description": "a dry run"}}
)
def begin_bulk_action(
    request: Request, response: Response, principal: Operator, connection: Database, body: BulkBody
) -> Bulk:
    """Act on all leads that a filter means, or say how many they are. Workers carry it out."""
    wish = _wish(body)
    if wish.route is not None:
        require_published(request, wish.route)
    try:
        lead_ids = meant(connection, body.filter.as_filter(), wish)
    except TooMany as error:
        raise invalid(FieldError(field="filter", detail=str(error))) from None
    if body.dry_run:
        response.status_code = HTTPStatus.OK
        return _dry(wish, len(lead_ids))
    return _bulk(begin(connection, lead_ids, wish, person=principal.name))


@router.get("/bulk-actions")
def list_bulk_actions(_: Viewer, connection: Database) -> BulkList:
    """The last fifty acts."""
    return BulkList(bulk_actions=list(map(_bulk, bulk_actions(connection))))


@router.get("/bulk-actions/{action_id}", responses=documented(404))
def show_bulk_action(_: Viewer, connection: Database, action_id: ActionId) -> Bulk:
    """How far it is."""
    action = bulk_action(connection, action_id)
    if action is None:
        raise not_found("bulk action")
    return _bulk(action)


@router.post("/bulk-actions/{action_id}/cancel", responses=documented(404, 409))
def cancel_bulk_action(principal: Operator, connection: Database, action_id: ActionId) -> Bulk:
    """Call it off; what was done stays done."""
    action = cancel(connection, action_id, person=principal.name)
    if action is not None:
        return _bulk(action)
    if bulk_action(connection, action_id) is None:
        raise not_found("bulk action")
    raise conflict("It has come to its end already.")


def _wish(body: BulkBody) -> BulkWish:
    if (body.route is not None) != (body.kind is BulkKind.MOVE):
        raise invalid(FieldError(field="route", detail="give it if and only if kind is move"))
    if body.code is not None and body.kind is not BulkKind.REJECT:
        raise invalid(FieldError(field="code", detail="give it only if kind is reject"))
    code = (body.code or BY_HAND) if body.kind is BulkKind.REJECT else None
    return BulkWish(body.kind, body.reason, body.route, code)


def _dry(wish: BulkWish, total: int) -> Bulk:
    empty = dict.fromkeys(("action_id", "state", "actor", "created_at", "finished_at", "cancelled_by"))
    asked = {"kind": wish.kind, "reason": wish.reason, "route": wish.route, "code": wish.code}
    return Bulk.model_validate(empty | asked | {"total": total, "processed": 0, "done": 0, "refused": 0})


def _bulk(action: BulkAction) -> Bulk:
    return Bulk.model_validate(asdict(action))
