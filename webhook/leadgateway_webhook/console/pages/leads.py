"""*Leads*: find them. What is asked for stands in the address, but for what says who a person is: that is posted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from leadgateway.store.connection import Connection
from leadgateway.store.looks import Look, record_look
from leadgateway.store.search import BodyField, InvalidFilter, LeadFilter, search
from leadgateway.store.status import LeadStatus
from leadgateway_webhook.console.access import Principal, viewer
from leadgateway_webhook.console.api.export import Format, file_of
from leadgateway_webhook.console.forms import read_own_form
from leadgateway_webhook.console.parts import database, parts_of, render

PAGE = 50
"""Leads of a page."""

_PERSONAL = ("email", "phone")
PLAIN = ("route", "code", "from", "to", "correlation_id", "field")
"""What may stand in an address."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wrote into the search form.

    Attributes:
        values: Each field as it was written.
        statuses: The statuses that were ticked.
        before: Where the page begins.
    """

    values: Mapping[str, str]
    statuses: Sequence[str]
    before: int | None

    @property
    def is_personal(self) -> bool:
        """Whether it says who a person is."""
        return any(self.values.get(name) for name in _PERSONAL)

    def address(self, before: int | None = None) -> str:
        """The address of a page of what is found, without what is personal."""
        pairs = [("status", status) for status in self.statuses]
        pairs += [(name, self.values[name]) for name in PLAIN if self.values.get(name)]
        if before is not None:
            pairs.append(("before", str(before)))
        return "/leads" + (f"?{urlencode(pairs, errors='replace')}" if pairs else "")

    def filter(self) -> LeadFilter:
        """What is meant.

        Raises:
            InvalidFilter: Nothing can be found by it.
        """
        given = {name: value.strip() for name, value in self.values.items() if value.strip()}
        return LeadFilter(
            route=given.get("route"),
            statuses=_statuses(self.statuses),
            reject_code=given.get("code"),
            received_from=_moment("received_from", given.get("from")),
            received_before=_moment("received_before", given.get("to")),
            email=given.get("email"),
            phone=given.get("phone"),
            correlation_id=_uuid(given.get("correlation_id")),
            fields=(BodyField.parse(given["field"]),) if "field" in given else (),
        )


@router.get("/leads")
def show(
    request: Request,
    principal: Annotated[Principal, Depends(viewer)],
    connection: Annotated[Connection, Depends(database)],
) -> Response:
    """What is found by what stands in the address."""
    query = request.query_params
    values = {name: query.get(name, "") for name in PLAIN}
    return _found(request, principal, connection, Asked(values, query.getlist("status"), _number(query.get("before"))))


@router.post("/leads")
async def find(
    request: Request,
    principal: Annotated[Principal, Depends(viewer)],
    connection: Annotated[Connection, Depends(database)],
) -> Response:
    """What is found by what was posted: an e-mail address or a phone number must not stand in an address."""
    asked = _asked(await read_own_form(request, parts_of(request).access, principal))
    return await run_in_threadpool(_found, request, principal, connection, asked)


@router.post("/leads/export")
async def export(
    request: Request,
    principal: Annotated[Principal, Depends(viewer)],
    connection: Annotated[Connection, Depends(database)],
) -> Response:
    """What is found as a file, with everything the leads hold. That somebody took it is recorded."""
    form = await read_own_form(request, parts_of(request).access, principal)
    asked = _asked(form)
    kind = Format.CSV if form.get("format") == Format.CSV else Format.NDJSON

    def exported() -> Response:
        try:
            leads = asked.filter()
        except InvalidFilter:
            return _found(request, principal, connection, asked)
        return file_of(leads, kind, request=request, connection=connection, person=principal.name)

    return await run_in_threadpool(exported)


def _asked(form: Mapping[str, str]) -> Asked:
    statuses = [status.value for status in LeadStatus if form.get(f"status_{status}")]
    values = {name: form.get(name, "") for name in (*PLAIN, *_PERSONAL)}
    return Asked(values, statuses, _number(form.get("before")))


def _found(request: Request, principal: Principal, connection: Connection, asked: Asked) -> Response:
    try:
        wanted = asked.filter()
        page = search(connection, wanted, limit=PAGE, before=asked.before)
        if wanted.is_personal:
            record_look(connection, Look("search", len(page.leads)), person=principal.name)
        problem = None
    except InvalidFilter as error:
        page, problem = None, sentence_of(error)
    return render(
        request,
        "leads.html",
        principal,
        status=HTTPStatus.OK if problem is None else HTTPStatus.BAD_REQUEST,
        asked=asked,
        page=page,
        problem=problem,
        statuses=[status.value for status in LeadStatus],
        routes=sorted(parts_of(request).catalogue.current.routes),
        now=datetime.now(UTC),
    )


def sentence_of(error: Exception) -> str:
    """What is wrong with what somebody asked for, with the field as the form names it."""
    if isinstance(error, InvalidFilter):
        return f"{_FIELD_NAMES.get(error.field, error.field)}: {error.sentence}"
    return f"{error}."


_FIELD_NAMES = {
    "email": "E-mail",
    "phone": "Phone",
    "field": "Value in the body",
    "received_from": "Received from",
    "received_before": "Received before",
    "correlation_id": "Correlation id",
    "status": "Status",
}


def _statuses(names: Sequence[str]) -> frozenset[LeadStatus]:
    try:
        return frozenset(map(LeadStatus, names))
    except ValueError:
        raise InvalidFilter("status", f"one of {', '.join(LeadStatus)}") from None


def _moment(field: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidFilter(field, "not a time; write it as 2026-01-31T18:00, in UTC") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _uuid(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        raise InvalidFilter("correlation_id", "not a UUID, such as 550e8400-e29b-41d4-a716-446655440000") from None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else None
