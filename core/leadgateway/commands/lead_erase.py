"""`leadgateway lead erase`: remove what is stored of a person, and prove it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from leadgateway.commands.actor import Actor, person_of
from leadgateway.commands.columns import print_columns
from leadgateway.commands.exits import NEGATIVE
from leadgateway.commands.output import Output, OutputOption, progress_bar
from leadgateway.commands.servers import DATA_OPTION, connected
from leadgateway.dev.home import DEFAULT
from leadgateway.person import EmailAddress, NoSuchPerson, PhoneNumber
from leadgateway.store import erasure
from leadgateway.store.erasing import Found, Sought, erase_whole, look
from leadgateway.store.erasure import Erased, Erasure

_IDS_SHOWN = 20


def erase(  # noqa: PLR0917 - Typer's options are parameters
    email: Annotated[
        str | None, typer.Option("--email", metavar="ADDRESS", help="Of the person; - reads it from standard input.")
    ] = None,
    phone: Annotated[
        str | None, typer.Option("--phone", metavar="NUMBER", help="Of the person; - reads it from standard input.")
    ] = None,
    lead_ids: Annotated[
        list[int] | None, typer.Option("--id", metavar="ID", min=1, max=2**63 - 1, help="A lead. May be repeated.")
    ] = None,
    region: Annotated[
        str, typer.Option("--region", metavar="REGION", help="Country of a --phone without country code.")
    ] = "DE",
    reference: Annotated[
        str | None,
        typer.Option("--reference", metavar="TEXT", help="Of the request, say a ticket's number. No personal data."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be erased.")] = False,  # noqa: FBT002
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Erase without asking.")] = False,  # noqa: FBT002
    wait: Annotated[
        float,
        typer.Option(
            "--wait", min=0.0, metavar="SECONDS", help="How long to wait for leads that are being delivered right now."
        ),
    ] = 60.0,
    output: OutputOption = Output.TEXT,
    actor: Actor = None,
    data: Annotated[Path, DATA_OPTION] = DEFAULT,
) -> None:
    """Erase all that is stored of a person: by e-mail address, by phone number, or by the ids of leads.

    The address or the number is looked for in every table, however it is written. How many leads hold it is told
    first, and whether to go on is asked. Bodies, headers, payloads, answers and deduplication keys are removed; leads
    that wait are REJECTED with the code ERASED. Then every table is read again, which proves that nothing is left.
    Who erased, when, and how many leads, is kept; whose they were is not.

    Exit status: 0 nothing is left (with --dry-run: it was told), 1 something is left, or it was not agreed to, 2 and 3
    as for show.
    """
    sought = _sought(email, phone, lead_ids or [], region)
    text = output is Output.TEXT
    with connected(data, command="lead erase") as connection:
        with progress_bar() as progress:
            before = look(connection, sought, progress=progress)
        if text:
            _tell_found(before)
        if dry_run or not before.lead_ids:
            _end(before, None, before, as_json=not text, agreed=True)
        if not _agreed(before, yes=yes):
            _end(before, None, before, as_json=not text, agreed=False)
        with progress_bar() as progress:
            outcome = erase_whole(
                connection,
                sought,
                before,
                person=person_of(actor),
                reference=reference,
                wait=wait,
                progress=progress,
            )
    if text:
        _tell_done(outcome.erasure_id, outcome.erased, outcome.left)
    _end(before, outcome.erased, outcome.left, as_json=not text, agreed=True)


def erasures(
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="The last so many.")] = 50,
    output: OutputOption = Output.TEXT,
    data: Annotated[Path, DATA_OPTION] = DEFAULT,
) -> None:
    """List what was erased, the newest first: when, by whom, and of how many leads; not whose data it was.

    Exit status: 0 also if nothing was, 2 and 3 as for show.
    """
    with connected(data, command="lead erasures") as connection:
        found = erasure.erasures(connection, limit=limit)
    if output is Output.JSON:
        typer.echo(json.dumps([_fact(each) for each in found], indent=2))
    else:
        print_columns(_HEAD, [_row(each) for each in found])


_HEAD = ("NUMBER", "AT", "BY", "SOUGHT BY", "LEADS", "ERASED", "LEFT", "REFERENCE")


def _row(fact: Erasure) -> tuple[str, ...]:
    left = "interrupted" if fact.traces_left is None else str(fact.traces_left)
    return (
        str(fact.erasure_id),
        f"{fact.at:%Y-%m-%d %H:%M:%SZ}",
        fact.actor,
        fact.sought,
        str(fact.leads_found),
        str(fact.leads_erased),
        left,
        fact.reference or "",
    )


def _fact(fact: Erasure) -> dict[str, object]:
    told = {name: getattr(fact, name) for name in Erasure.__slots__}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in told.items()}


def _sought(email: str | None, phone: str | None, lead_ids: Sequence[int], region: str) -> Sought:
    if [email is not None, phone is not None, bool(lead_ids)].count(True) != 1:
        raise typer.BadParameter("name the person by exactly one of --email, --phone and --id")
    try:
        if email is not None:
            return Sought(EmailAddress.parse(_given(email)))
        if phone is not None:
            return Sought(PhoneNumber.parse(_given(phone), region))
    except NoSuchPerson as error:
        raise typer.BadParameter(str(error), param_hint="--email" if email is not None else "--phone") from None
    return Sought(None, lead_ids)


def _given(text: str) -> str:
    """What stands on the command line is seen by everybody on the machine: hence standard input."""
    return sys.stdin.readline().strip() if text == "-" else text


def _agreed(found: Found, *, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        typer.echo("Nothing was erased. To erase without being asked: --yes", err=True)
        return False
    return typer.confirm(f"Erase the contents of {_leads(len(found.lead_ids))} for good?", err=True)


def _tell_found(found: Found) -> None:
    some = ", ".join(map(str, found.lead_ids[:_IDS_SHOWN])) + (", …" if len(found.lead_ids) > _IDS_SHOWN else "")
    typer.echo(f"Found in {_leads(len(found.lead_ids))}{': ' + some if some else ''}")
    for column, count in found.columns.items():
        if count:
            typer.echo(f"  {count:>6}  {column}")


def _tell_done(number: int, erased: Erased, left: Found) -> None:
    waited = f", of which {len(erased.ended)} waited and are REJECTED now" if erased.ended else ""
    typer.echo(f"Erasure {number}: {_leads(len(erased.done))} erased{waited}.")
    for lead_id, until in erased.in_flight.items():
        typer.echo(f"lead {lead_id}: not erased: a worker is on it, until {until:%H:%M:%S} UTC at the latest", err=True)
    if left.rows:
        typer.echo("Read again, in full:")
        for table, count in left.rows.items():
            columns = {name.partition(".")[2]: n for name, n in left.columns.items() if name.startswith(f"{table}.")}
            typer.echo(f"  {table}: {count} rows, {', '.join(columns)}: found {sum(columns.values())} times")
    typer.echo("Nothing is left." if not left.count else f"Still there: {left.count} values")
    for column, count in left.columns.items():
        if count:
            typer.echo(f"  {count:>6}  {column}", err=True)


def _end(before: Found, erased: Erased | None, after: Found, *, as_json: bool, agreed: bool) -> None:
    if as_json:
        told = {
            "leads_found": len(before.lead_ids),
            "lead_ids": list(before.lead_ids),
            "found": dict(before.columns),
            "erased": None if erased is None else list(erased.done),
            "rejected": None if erased is None else list(erased.ended),
            "in_flight": None if erased is None else list(erased.in_flight),
            "left": None if erased is None else dict(after.columns),
            "rows_read": dict(after.rows),
        }
        typer.echo(json.dumps(told, indent=2))
    is_left = erased is not None and (after.count or erased.in_flight)
    raise typer.Exit(NEGATIVE if is_left or not agreed else 0)


def _leads(number: int) -> str:
    return "1 lead" if number == 1 else f"{number} leads"
