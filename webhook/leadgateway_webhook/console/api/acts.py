"""What an operator does to one lead. Each act is recorded with who did it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from leadgateway.store.people import Acted, NotFound, move, reject, replay
from leadgateway_webhook.console.access import Principal, operator
from leadgateway_webhook.console.api.filters import RejectCode, RouteName
from leadgateway_webhook.console.api.leads import Database, LeadId
from leadgateway_webhook.console.api.problems import FieldError, ProblemRoute, conflict, documented, invalid, not_found
from leadgateway_webhook.console.parts import parts_of

router = APIRouter(route_class=ProblemRoute, tags=["acts"])

Operator = Annotated[Principal, Depends(operator)]
Reason = Annotated[str, Field(min_length=1, max_length=500, description="for the audit")]

BY_HAND = "REJECTED_BY_HAND"
"""The reject code of a lead that a person turned down without naming one."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class ReplayBody(_Body):
    """Send a lead that ended without a delivery through again."""

    reason: Reason | None = None


class RejectBody(_Body):
    """Turn a waiting lead down."""

    reason: Reason
    code: RejectCode = BY_HAND


class MoveBody(_Body):
    """Give a lead to another route."""

    route: RouteName
    reason: Reason | None = None


class Done(BaseModel):
    """It was done."""

    lead_id: int


@router.post("/leads/{lead_id}/replay", responses=documented(404, 409))
def replay_lead(principal: Operator, connection: Database, lead_id: LeadId, body: ReplayBody) -> Done:
    """Send a lead that is REJECTED or PERMANENTLY_FAILED through again, by the route as it is now."""
    return _done(replay(connection, [lead_id], person=principal.name, reason=body.reason), lead_id)


@router.post("/leads/{lead_id}/reject", responses=documented(404, 409))
def reject_lead(principal: Operator, connection: Database, lead_id: LeadId, body: RejectBody) -> Done:
    """Turn a lead down that waits, with a reason."""
    return _done(reject(connection, [lead_id], code=body.code, person=principal.name, reason=body.reason), lead_id)


@router.post("/leads/{lead_id}/move", responses=documented(404, 409))
def move_lead(request: Request, principal: Operator, connection: Database, lead_id: LeadId, body: MoveBody) -> Done:
    """Give a lead that isn't DELIVERED to another route, where it begins anew."""
    require_published(request, body.route)
    return _done(move(connection, [lead_id], route=body.route, person=principal.name, reason=body.reason), lead_id)


def require_published(request: Request, route: str) -> None:
    """Refuse a route that no lead could leave again.

    Raises:
        Problem: It is not published.
    """
    if route not in parts_of(request).catalogue.look().routes:
        raise invalid(
            FieldError(field="route", detail="no such route is published; write namespace/name of a LeadRoute")
        )


def _done(acted: Acted, lead_id: int) -> Done:
    refusal = acted.refused.get(lead_id)
    if refusal is None:
        return Done(lead_id=lead_id)
    if isinstance(refusal, NotFound):
        raise not_found("lead")
    raise conflict(f"Nothing was done to lead {lead_id}: {refusal}.")
