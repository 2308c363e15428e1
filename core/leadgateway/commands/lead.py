"""`leadgateway lead …`: look a lead up, and act on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy import Connection

from leadgateway.commands.actor import Actor, person_of
from leadgateway.commands.exits import NEGATIVE, fail
from leadgateway.commands.lead_erase import erase, erasures
from leadgateway.commands.lead_list import export, list_leads, tail
from leadgateway.commands.lead_story import as_json, as_text
from leadgateway.commands.output import Output, OutputOption
from leadgateway.commands.servers import DATA_OPTION, connected, redis_settings
from leadgateway.dev.home import DEFAULT
from leadgateway.queue import Bell, connect
from leadgateway.store import people
from leadgateway.store.story import lead_story

app = typer.Typer(
    help="Find leads and act on them: list, show, tail, export, replay, reject, move, erase.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

app.command("list")(list_leads)
app.command()(tail)
app.command()(export)
app.command()(erase)
app.command()(erasures)

LARGEST_ID = 2**63 - 1


LeadIds = Annotated[list[int], typer.Argument(metavar="ID…", min=1, max=LARGEST_ID, help="Ids of leads.")]
Data = Annotated[Path, DATA_OPTION]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for the audit.")]


@app.command()
def show(
    lead_id: Annotated[int, typer.Argument(metavar="ID", min=1, max=LARGEST_ID, help="Id of the lead.")],
    output: OutputOption = Output.TEXT,
    data: Data = DEFAULT,
) -> None:
    """Print a lead's whole story: what came, every decision and why, every attempt with request and response.

    This shows personal data; authentication headers and secrets were redacted before they were stored.

    Exit status: 0 found, 1 there is no such lead, 2 a setting can't be used, 3 PostgreSQL can't be reached.
    """
    with connected(data) as connection:
        story = lead_story(connection, lead_id)
    if story is None:
        raise fail(f"There is no lead {lead_id}.", NEGATIVE)
    if output is Output.JSON:
        typer.echo(json.dumps(as_json(story), indent=2))
    else:
        Console(highlight=False, soft_wrap=True).print(as_text(story))


@app.command()
def replay(
    lead_ids: LeadIds,
    actor: Actor = None,
    reason: Reason = None,
    output: OutputOption = Output.TEXT,
    data: Data = DEFAULT,
) -> None:
    """Send leads that were REJECTED or PERMANENTLY_FAILED through again, by the rules of today.

    Each becomes a new delivery round with an Idempotency-Key of its own.

    Exit status: 0 done to all, 1 some were refused (each is named with the reason), 2 and 3 as for show.
    """
    _act(
        data, output, "sent through again", lambda c: people.replay(c, lead_ids, person=person_of(actor), reason=reason)
    )


@app.command()
def reject(  # noqa: PLR0917 - Typer's options are parameters
    lead_ids: LeadIds,
    code: Annotated[
        str, typer.Option("--code", metavar="CODE", help="The reject code: capitals, digits and underscores.")
    ] = "REJECTED_BY_PERSON",
    actor: Actor = None,
    reason: Reason = None,
    output: OutputOption = Output.TEXT,
    data: Data = DEFAULT,
) -> None:
    """Turn down leads that wait (RECEIVED, READY or FAILED); they are not delivered.

    Exit status: as for replay.
    """
    _check_code(code)
    _act(
        data,
        output,
        "rejected",
        lambda c: people.reject(c, lead_ids, code=code, person=person_of(actor), reason=reason),
    )


@app.command()
def move(  # noqa: PLR0917 - Typer's options are parameters
    lead_ids: LeadIds,
    route: Annotated[
        str,
        typer.Option("--route", metavar="NAMESPACE/NAME", help="The route they go to, as `lead show` names routes."),
    ],
    actor: Actor = None,
    reason: Reason = None,
    output: OutputOption = Output.TEXT,
    data: Data = DEFAULT,
) -> None:
    """Give leads to another route, say because theirs was deleted. They are judged and mapped anew there.

    Exit status: as for replay.
    """
    if route.count("/") != 1 or not all(route.split("/")):
        raise typer.BadParameter("write NAMESPACE/NAME, like default/solar-saarland", param_hint="--route")
    _act(
        data,
        output,
        f"moved to {route}",
        lambda c: people.move(c, lead_ids, route=route, person=person_of(actor), reason=reason),
    )


def _act(data: Path, output: Output, done: str, act: Callable[[Connection], people.Acted]) -> None:
    with connected(data) as connection:
        acted = act(connection)
    _wake_workers(data)
    if output is Output.JSON:
        refused = {str(lead_id): str(refusal) for lead_id, refusal in acted.refused.items()}
        typer.echo(json.dumps({"done": list(acted.done), "refused": refused}, indent=2))
    else:
        for lead_id in acted.done:
            typer.echo(f"lead {lead_id}: {done}")
        for lead_id, refusal in acted.refused.items():
            typer.echo(f"lead {lead_id}: refused: {refusal}", err=True)
    if acted.refused:
        raise typer.Exit(NEGATIVE)


def _wake_workers(data: Path) -> None:
    """Ring, so that workers look at once; where no Redis is named or reached, their own sweep finds it in seconds."""
    settings = redis_settings(data)
    if settings is not None:
        connection = connect(settings)
        try:
            Bell(connection).ring()
        finally:
            connection.close()


def _check_code(code: str) -> None:
    letters = code.replace("_", "")
    if not (code.isascii() and letters.isalnum() and code.upper() == code and code[:1].isalpha() and len(code) <= 64):
        raise typer.BadParameter("write capitals, digits and underscores, like WRONG_REGION", param_hint="--code")
