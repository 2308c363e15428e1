"""Leads: a page of those that are meant, and everything about one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from leadgateway.commands.lead_story import as_json, content
from leadgateway.store.connection import Connection
from leadgateway.store.looks import Look, record_look
from leadgateway.store.search import (
    LARGEST_PAGE,
    LeadFilter,
    Page,
    bodies_by_id,
    count_matching,
    is_backfilled,
    search,
)
from leadgateway.store.search_index import catch_up
from leadgateway.store.status import LeadStatus
from leadgateway.store.story import lead_story
from leadgateway_webhook.console.access import Principal, viewer
from leadgateway_webhook.console.api.filters import FilterBody, impersonal_filter
from leadgateway_webhook.console.api.problems import FieldError, ProblemRoute, documented, invalid, not_found
from leadgateway_webhook.console.parts import database

HIGHEST_ID = 2**63 - 1

router = APIRouter(route_class=ProblemRoute, tags=["leads"])

Viewer = Annotated[Principal, Depends(viewer)]
Database = Annotated[Connection, Depends(database)]
LeadId = Annotated[int, Path(ge=1, le=HIGHEST_ID)]
_Limit = Annotated[int, Field(ge=1, le=LARGEST_PAGE)]
_Cursor = Annotated[int, Field(ge=1, le=HIGHEST_ID, description="`next_cursor` of the page before")]

MOST_BODIES = 50
"""Of one page: each may be of a megabyte."""

# What a look at a lead's record leaves out.
_CONTENTS = ("body", "headers", "duplicates")
_CONTENTS_OF_ATTEMPTS = ("request_body", "response_headers", "response_body")


class Lead(BaseModel):
    """Where a lead stands, without its contents."""

    model_config = ConfigDict(from_attributes=True)

    lead_id: int
    status: LeadStatus
    reject_code: str | None
    route: str
    arrived_at_route: str | None = Field(description="null: the same")
    received_at: datetime
    updated_at: datetime
    due_at: datetime | None = Field(description="when a worker looks at it next; null at an end")
    leased_until: datetime | None
    lease_holder: str | None
    round: int
    failures: int = Field(description="failed attempts of this round")
    attempts: int
    last_attempt: str | None
    last_response_status: int | None
    last_error: str | None
    correlation_id: UUID
    contents_removed_at: datetime | None
    contents_removed_by: str | None


class LeadWithBody(Lead):
    """Where a lead stands and, if that was asked for, what was posted."""

    body: Any = Field(None, description="JSON where it is JSON, text otherwise; null: removed")


class LeadPage(BaseModel):
    """Some of the leads that are meant, the newest first."""

    leads: list[LeadWithBody]
    next_cursor: int | None = Field(description="where the next page begins; null: there is none")
    is_complete: bool = Field(description="false: leads are still being indexed, so some may be missing for a while")


class SearchBody(FilterBody):
    """A filter, and which page of what it finds."""

    limit: _Limit = 50
    cursor: _Cursor | None = None
    bodies: bool = Field(
        False, description=f"with each lead's body, for {MOST_BODIES} leads at the most; the look is recorded"
    )


class LeadCount(BaseModel):
    """How many leads a filter means."""

    leads: int
    is_complete: bool = Field(description="false: leads are still being indexed, so some may be missing for a while")


@router.get("/leads", response_model_exclude_unset=True)
def list_leads(
    _: Viewer,
    connection: Database,
    leads: Annotated[LeadFilter, Depends(impersonal_filter)],
    limit: Annotated[_Limit, Query()] = 50,
    cursor: Annotated[_Cursor | None, Query()] = None,
) -> LeadPage:
    """Find leads by what may stand in an address; for all else see `POST /api/v1/leads/search`."""
    return _page(search(connection, leads, limit=limit, before=cursor))


@router.post("/leads/search", response_model_exclude_unset=True)
def search_leads(principal: Viewer, connection: Database, body: SearchBody) -> LeadPage:
    """Find leads by anything. Asking for an e-mail address, a phone number or values of the body is recorded."""
    leads = body.as_filter()
    if body.bodies and body.limit > MOST_BODIES:
        raise invalid(FieldError(field="limit", detail=f"with bodies {MOST_BODIES} leads at the most"))
    page = search(connection, leads, limit=body.limit, before=body.cursor)
    if leads.is_personal:
        record_look(connection, Look("search", len(page.leads)), person=principal.name)
    if not body.bodies:
        return _page(page)
    record_look(connection, Look("export", len(page.leads)), person=principal.name)
    return _page(page, bodies_by_id(connection, [lead.lead_id for lead in page.leads]))


@router.post("/leads/count")
def count_leads(principal: Viewer, connection: Database, body: FilterBody) -> LeadCount:
    """Count the leads that a filter means. Asking for what is about a person is recorded, as for a search."""
    leads = body.as_filter()
    is_complete = catch_up(connection) and is_backfilled(connection)
    counted = count_matching(connection, leads)
    if leads.is_personal:
        record_look(connection, Look("search", counted), person=principal.name)
    return LeadCount(leads=counted, is_complete=is_complete)


@router.get("/leads/{lead_id}", responses=documented(404))
def show_lead(
    principal: Viewer,
    connection: Database,
    lead_id: LeadId,
    *,
    contents: Annotated[
        bool, Query(description="with body, headers, payloads and answers; the look is recorded")
    ] = False,
) -> dict[str, Any]:
    """Everything about one lead: transitions, attempts and, if asked for, what it holds."""
    story = lead_story(connection, lead_id)
    if story is None:
        raise not_found("lead")
    told = as_json(story)
    if contents:
        record_look(connection, Look("contents", 1, lead_id), person=principal.name)
        return told
    return _without_contents(told)


def _without_contents(told: dict[str, Any]) -> dict[str, Any]:
    attempts = [
        {name: value for name, value in attempt.items() if name not in _CONTENTS_OF_ATTEMPTS}
        for attempt in told["attempts"]
    ]
    rounds = [{name: value for name, value in each.items() if name != "payload"} for each in told["rounds"]]
    bare = {name: value for name, value in told.items() if name not in _CONTENTS}
    return bare | {"attempts": attempts, "rounds": rounds}


def _page(page: Page, bodies: Mapping[int, bytes] | None = None) -> LeadPage:
    leads = [
        LeadWithBody(**asdict(lead), **({} if bodies is None else {"body": content(bodies.get(lead.lead_id))}))
        for lead in page.leads
    ]
    return LeadPage(leads=leads, next_cursor=page.next_before, is_complete=page.is_complete)
