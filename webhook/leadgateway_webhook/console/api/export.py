"""Leads as a file: NDJSON, one object a line, or CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from leadgateway.pipeline.lead import InvalidLead, parse_lead
from leadgateway.store.connection import Connection
from leadgateway.store.export import ExportedLead, export
from leadgateway.store.looks import Look, record_look
from leadgateway.store.search import LeadFilter, count_matching
from leadgateway.store.search_index import catch_up
from leadgateway_webhook.console.api.filters import FilterBody
from leadgateway_webhook.console.api.leads import Database, Viewer
from leadgateway_webhook.console.api.problems import ProblemRoute
from leadgateway_webhook.console.parts import parts_of

router = APIRouter(route_class=ProblemRoute, tags=["leads"])

COLUMNS = (
    "lead_id",
    "correlation_id",
    "route",
    "status",
    "reject_code",
    "received_at",
    "updated_at",
    "attempts",
    "last_response_status",
    "body",
)


class Format(StrEnum):
    """What kind of file."""

    CSV = "csv"
    NDJSON = "ndjson"


class ExportBody(FilterBody):
    """Which leads, as what."""

    format: Format = Format.NDJSON


@router.post(
    "/leads/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}, "application/x-ndjson": {}}}},
)
def export_leads(request: Request, principal: Viewer, connection: Database, body: ExportBody) -> StreamingResponse:
    """Stream all leads that are meant with their bodies, the newest first. That somebody did so is recorded."""
    return file_of(body.as_filter(), body.format, request=request, connection=connection, person=principal.name)


def file_of(
    leads: LeadFilter, kind: Format, *, request: Request, connection: Connection, person: str
) -> StreamingResponse:
    """The leads that are meant as a file that is sent while it is read, after the look was recorded.

    Args:
        leads: Which.
        kind: As what.
        request: What it answers.
        connection: In autocommit.
        person: Who gets it.
    """
    catch_up(connection)
    record_look(connection, Look("export", count_matching(connection, leads)), person=person)
    batches = export(parts_of(request).engine, leads)
    lines, media_type = (
        (csv_lines(batches), "text/csv") if kind is Format.CSV else (ndjson(batches), "application/x-ndjson")
    )
    disposition = f'attachment; filename="leads.{kind}"'
    return StreamingResponse(lines, media_type=media_type, headers={"content-disposition": disposition})


def ndjson(batches: Iterable[list[ExportedLead]]) -> Iterator[str]:
    """A JSON object a line, each batch at once."""
    for batch in batches:
        yield "".join(json.dumps(_record(lead) | {"headers": dict(lead.headers)}) + "\n" for lead in batch)


def csv_lines(batches: Iterable[list[ExportedLead]]) -> Iterator[str]:
    """CSV as RFC 4180 has it, with a head line; the body as JSON in one column.

    No cell begins with what makes a spreadsheet take it for a formula: such cells get an apostrophe before it
    (OWASP, "CSV Injection").
    """
    yield _csv([COLUMNS])
    for batch in batches:
        yield _csv([_row(lead) for lead in batch])


def _row(lead: ExportedLead) -> list[str]:
    record = _record(lead) | {"body": _text(lead.body)}
    return [harmless("" if record[name] is None else str(record[name])) for name in COLUMNS]


def harmless(cell: str) -> str:
    """A cell that no spreadsheet runs."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else cell


def _record(lead: ExportedLead) -> dict[str, Any]:
    return {
        "lead_id": lead.lead_id,
        "correlation_id": str(lead.correlation_id),
        "route": lead.route,
        "status": lead.status.value,
        "reject_code": lead.reject_code,
        "received_at": lead.received_at.isoformat(),
        "updated_at": lead.updated_at.isoformat(),
        "attempts": lead.attempts,
        "last_response_status": lead.last_response_status,
        "body": _content(lead.body),
    }


def _content(body: bytes) -> Any:
    try:
        return parse_lead(body)
    except InvalidLead:  # emptied: there is nothing any more
        return None if not body else _text(body)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace").replace("\x00", "\ufffd")


def _csv(lines: Iterable[Iterable[str]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(lines)
    return written.getvalue()
