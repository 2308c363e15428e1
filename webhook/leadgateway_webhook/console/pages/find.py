"""Opening a lead by what somebody has of it: its number, or the correlation id that its source was told."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from leadgateway.store.connection import Connection
from leadgateway.store.story import leads_with_correlation_id
from leadgateway_webhook.console.access import Principal, viewer
from leadgateway_webhook.console.parts import database, render

_MOST_DIGITS = 18

router = APIRouter()


@router.get("/find")
def find(
    request: Request,
    principal: Annotated[Principal, Depends(viewer)],
    connection: Annotated[Connection, Depends(database)],
    lead: str = "",
) -> Response:
    """Go to the lead, or list those that share a correlation id."""
    wanted = lead.strip().removeprefix("#")
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= _MOST_DIGITS:
        return RedirectResponse(f"/leads/{int(wanted)}", HTTPStatus.SEE_OTHER)
    try:
        correlation_id = UUID(wanted)
    except ValueError:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, "Write a lead's number, or a correlation id (a UUID), which need not be unique."
        ) from None
    found = leads_with_correlation_id(connection, correlation_id)
    if len(found) == 1:
        return RedirectResponse(f"/leads/{found[0]}", HTTPStatus.SEE_OTHER)
    if not found:
        raise HTTPException(HTTPStatus.NOT_FOUND, "No lead has this correlation id, or it is no longer kept.")
    return render(request, "found.html", principal, correlation_id=correlation_id, leads=found)
