"""`leadgateway lead list | tail | export`: find leads, watch them, take them along."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.markup import escape

from leadgateway.commands.columns import STATUS_COLOURS, print_columns, printable
from leadgateway.commands.exits import USAGE, fail
from leadgateway.commands.lead_filter import RouteOption, Wanted
from leadgateway.commands.output import Output, OutputOption, plain, progress_bar
from leadgateway.commands.source import Source
from leadgateway.store.search import LARGEST_PAGE, FoundLead
from leadgateway.store.tail import Step

_INCOMPLETE = "Not all leads can be found yet: workers are still at making them so."


class Format(StrEnum):
    """How leads are exported."""

    CSV = "csv"
    NDJSON = "ndjson"


def list_leads(
    *,
    wanted: Wanted,
    limit: Annotated[int, typer.Option("--limit", min=1, max=LARGEST_PAGE, help="Leads at the most.")] = 50,
    before: Annotated[
        int | None, typer.Option("--before", metavar="ID", min=1, max=2**63 - 1, help="Only below this id: next page.")
    ] = None,
    output: OutputOption = Output.TEXT,
    source: Source,
) -> None:
    """List leads, the newest first: those that fulfil everything that is asked for.

    Exit status: 0 also if there is none, 2 nothing can be found by an option, 3 as for show.
    """
    chosen = wanted()
    with source() as leads:
        page = leads.search(chosen, limit=limit, before=before)
    if output is Output.JSON:
        found = [as_json(lead) for lead in page.leads]
        typer.echo(
            json.dumps({"leads": found, "next_before": page.next_before, "is_complete": page.is_complete}, indent=2)
        )
        return
    print_columns(_HEAD, [_row(lead) for lead in page.leads])
    if page.next_before is not None:
        typer.echo(f"There are more: --before {page.next_before}", err=True)
    if not page.is_complete:
        typer.echo(_INCOMPLETE, err=True)


def export(
    *,
    wanted: Wanted,
    format: Annotated[Format, typer.Option("--format", help="What is written.")] = Format.NDJSON,  # noqa: A002
    bodies: Annotated[
        bool, typer.Option("--bodies", help="With the bodies as posted, which are personal data.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Where to; default: standard output.", dir_okay=False)
    ] = None,
    source: Source,
) -> None:
    """Write all leads that fulfil everything that is asked for, the newest first, as CSV or as a JSON document a line.

    Exit status: as for list; 2 also if the file can't be written.
    """
    chosen = wanted()
    with source() as leads, _written(to) as file, progress_bar() as progress:
        write = _csv_writer(file, bodies=bodies) if format is Format.CSV else _ndjson_writer(file)
        exported, done = leads.export(chosen, bodies=bodies), 0
        for batch in exported.batches:
            write(as_json(lead) | ({"body": body} if bodies else {}) for lead, body in batch)
            done += len(batch)
            progress("leads", done, max(exported.total, done))
    if not exported.is_complete:
        typer.echo(_INCOMPLETE, err=True)


def tail(
    *,
    route: RouteOption = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, max=1000, help="Leads from before to begin with.")] = 10,
    output: OutputOption = Output.TEXT,
    source: Source,
) -> None:
    """Follow leads: print each change of state of the last leads and of those that come, until Ctrl-C.

    As JSON it is one document a line.

    Exit status: 0 ended by Ctrl-C or because nobody reads any more, 2 and 3 as for list.
    """
    console = Console(highlight=False, soft_wrap=True)
    with source() as leads:
        try:
            for steps in leads.follow(route=route, lines=lines):
                for step in steps:
                    if output is Output.JSON:
                        sys.stdout.write(json.dumps(step_json(step)) + "\n")
                    else:
                        console.print(_step_line(step))
                sys.stdout.flush()
        except (KeyboardInterrupt, BrokenPipeError):
            raise typer.Exit from None


def as_json(lead: FoundLead) -> dict[str, Any]:
    """A lead for programs; times are ISO 8601 in UTC."""
    names = FoundLead.__slots__
    return {name: plain(getattr(lead, name)) for name in names}


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


def step_json(step: Step) -> dict[str, Any]:
    """A step for programs; times are ISO 8601 in UTC."""
    return {name: plain(getattr(step, name)) for name in Step.__slots__}


def _step_line(step: Step) -> str:
    status = step.to_status.value
    colour = STATUS_COLOURS.get(status, "default")
    note = escape(printable(f"{step.code or ''}  {step.actor}".strip()))
    route = escape(printable(step.route))
    return f"{step.at:%H:%M:%S}  {step.lead_id:>8}  [{colour}]{status:<18}[/] {route}  [dim]{note}[/]"
