"""`leadgateway lead list | tail | export`: find leads, watch them, take them along."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO
from uuid import UUID

import typer
from rich.console import Console
from rich.markup import escape

from leadgateway.commands.columns import STATUS_COLOURS, print_columns, printable
from leadgateway.commands.exits import USAGE, fail
from leadgateway.commands.lead_filter import (
    CodeOption,
    CorrelationOption,
    EmailOption,
    FieldOption,
    PhoneOption,
    RouteOption,
    SinceOption,
    StatusOption,
    UntilOption,
    lead_filter,
)
from leadgateway.commands.lead_story import content
from leadgateway.commands.output import Output, OutputOption, progress_bar
from leadgateway.commands.servers import DATA_OPTION, connected
from leadgateway.dev.home import DEFAULT
from leadgateway.store.search import (
    LARGEST_PAGE,
    FoundLead,
    all_matching_ids,
    bodies_by_id,
    count_matching,
    is_backfilled,
    leads_by_id,
    search,
)
from leadgateway.store.search_index import catch_up
from leadgateway.store.tail import Step, Tail

_POLL_SECONDS = 1.0
_INCOMPLETE = "Not all leads can be found yet: workers are still at making them so."

Data = Annotated[Path, DATA_OPTION]


class Format(StrEnum):
    """How leads are exported."""

    CSV = "csv"
    NDJSON = "ndjson"


def list_leads(  # noqa: PLR0917 - Typer's options are parameters
    route: RouteOption = None,
    status: StatusOption = None,
    code: CodeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    correlation_id: CorrelationOption = None,
    field: FieldOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=LARGEST_PAGE, help="Leads at the most.")] = 50,
    before: Annotated[
        int | None, typer.Option("--before", metavar="ID", min=1, max=2**63 - 1, help="Only below this id: next page.")
    ] = None,
    output: OutputOption = Output.TEXT,
    data: Data = DEFAULT,
) -> None:
    """List leads, the newest first: those that fulfil everything that is asked for.

    Exit status: 0 also if there is none, 2 nothing can be found by an option, 3 PostgreSQL can't be reached.
    """
    wanted = lead_filter(
        route=route,
        status=status,
        code=code,
        since=since,
        until=until,
        email=email,
        phone=phone,
        correlation_id=correlation_id,
        fields=field,
    )
    with connected(data) as connection:
        page = search(connection, wanted, limit=limit, before=before)
    if output is Output.JSON:
        leads = [as_json(lead) for lead in page.leads]
        typer.echo(
            json.dumps({"leads": leads, "next_before": page.next_before, "is_complete": page.is_complete}, indent=2)
        )
        return
    print_columns(_HEAD, [_row(lead) for lead in page.leads])
    if page.next_before is not None:
        typer.echo(f"There are more: --before {page.next_before}", err=True)
    if not page.is_complete:
        typer.echo(_INCOMPLETE, err=True)


def export(  # noqa: PLR0917 - Typer's options are parameters
    route: RouteOption = None,
    status: StatusOption = None,
    code: CodeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    correlation_id: CorrelationOption = None,
    field: FieldOption = None,
    format: Annotated[Format, typer.Option("--format", help="What is written.")] = Format.NDJSON,  # noqa: A002
    bodies: Annotated[  # noqa: FBT002
        bool, typer.Option("--bodies", help="With the bodies as posted, which are personal data.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Where to; default: standard output.", dir_okay=False)
    ] = None,
    data: Data = DEFAULT,
) -> None:
    """Write all leads that fulfil everything that is asked for, the newest first, as CSV or as a JSON document a line.

    Exit status: as for list; 2 also if the file can't be written.
    """
    wanted = lead_filter(
        route=route,
        status=status,
        code=code,
        since=since,
        until=until,
        email=email,
        phone=phone,
        correlation_id=correlation_id,
        fields=field,
    )
    with connected(data) as connection, _written(to) as file, progress_bar() as progress:
        write = _csv_writer(file, bodies=bodies) if format is Format.CSV else _ndjson_writer(file)
        is_complete = catch_up(connection) and is_backfilled(connection)
        total, done = count_matching(connection, wanted), 0
        for lead_ids in all_matching_ids(connection, wanted, batch=LARGEST_PAGE):
            contents = bodies_by_id(connection, lead_ids) if bodies else {}
            write(_with_body(lead, contents, bodies=bodies) for lead in leads_by_id(connection, lead_ids))
            done += len(lead_ids)
            progress("leads", done, max(total, done))
    if not is_complete:
        typer.echo(_INCOMPLETE, err=True)


def tail(
    route: RouteOption = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, max=1000, help="Leads from before to begin with.")] = 10,
    output: OutputOption = Output.TEXT,
    data: Data = DEFAULT,
) -> None:
    """Follow leads: print each change of state of the last leads and of those that come, until Ctrl-C.

    As JSON it is one document a line.

    Exit status: 0 ended by Ctrl-C or because nobody reads any more, 2 and 3 as for list.
    """
    console = Console(highlight=False, soft_wrap=True)
    with connected(data) as connection:
        following = Tail(connection, route=route, lines=lines)
        try:
            while True:
                for step in following.steps():
                    if output is Output.JSON:
                        sys.stdout.write(json.dumps(_step_json(step)) + "\n")
                    else:
                        console.print(_step_line(step))
                sys.stdout.flush()
                time.sleep(_POLL_SECONDS)
        except (KeyboardInterrupt, BrokenPipeError):
            raise typer.Exit from None


def as_json(lead: FoundLead) -> dict[str, Any]:
    """A lead for programs; times are ISO 8601 in UTC."""
    names = FoundLead.__slots__
    return {name: _plain(getattr(lead, name)) for name in names}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | StrEnum) else value


_HEAD = ("ID", "STATUS", "CODE", "ROUTE", "RECEIVED", "ATTEMPTS", "LAST ATTEMPT", "CORRELATION ID")


def _row(lead: FoundLead) -> tuple[str, ...]:
    last = "" if lead.last_attempt is None else str(lead.last_response_status or lead.last_attempt)
    return (
        str(lead.lead_id),
        lead.status.value,
        lead.reject_code or "",
        lead.route,
        f"{lead.received_at:%Y-%m-%d %H:%M:%SZ}",
        str(lead.attempts),
        last,
        str(lead.correlation_id),
    )


def _with_body(lead: FoundLead, contents: Mapping[int, bytes], *, bodies: bool) -> dict[str, Any]:
    told = as_json(lead)
    return told | {"body": content(contents.get(lead.lead_id))} if bodies else told


def _ndjson_writer(file: TextIO) -> Any:
    def write(leads: Iterable[Mapping[str, Any]]) -> None:
        file.writelines(json.dumps(lead) + "\n" for lead in leads)

    return write


def _csv_writer(file: TextIO, *, bodies: bool) -> Any:
    names = [*FoundLead.__slots__, *(["body"] if bodies else [])]
    writer = csv.DictWriter(file, names)
    writer.writeheader()

    def write(leads: Iterable[Mapping[str, Any]]) -> None:
        writer.writerows({name: _cell(value) for name, value in lead.items()} for lead in leads)

    return write


def _cell(value: object) -> object:
    """A value that no spreadsheet takes for a formula (OWASP, "CSV Injection")."""
    text = value if isinstance(value, str) or value is None else json.dumps(value)
    return f"'{text}" if text and text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@contextmanager
def _written(to: Path | None) -> Iterator[TextIO]:
    if to is None:
        yield sys.stdout
        return
    try:
        with to.open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise fail(f"--to: {to} can't be written: {error.strerror}", USAGE) from None


def _step_json(step: Step) -> dict[str, Any]:
    return {name: _plain(getattr(step, name)) for name in Step.__slots__}


def _step_line(step: Step) -> str:
    status = step.to_status.value
    colour = STATUS_COLOURS.get(status, "default")
    note = escape(printable(f"{step.code or ''}  {step.actor}".strip()))
    route = escape(printable(step.route))
    return f"{step.at:%H:%M:%S}  {step.lead_id:>8}  [{colour}]{status:<18}[/] {route}  [dim]{note}[/]"
