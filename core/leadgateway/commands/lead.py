"""`leadgateway lead …`: look a lead up, and act on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from leadgateway.commands.exits import NEGATIVE, fail
from leadgateway.commands.lead_acts import LARGEST_ID, bulk, manner, move, reject, replay
from leadgateway.commands.lead_erase import erase, erasures
from leadgateway.commands.lead_filter import lead_filter
from leadgateway.commands.lead_list import export, list_leads, tail
from leadgateway.commands.lead_story import as_text
from leadgateway.commands.output import Output, OutputOption
from leadgateway.commands.source import Source, expanded
from leadgateway.commands.store_source import database


def show(
    *,
    lead_id: Annotated[int, typer.Argument(metavar="ID", min=1, max=LARGEST_ID, help="Id of the lead.")],
    output: OutputOption = Output.TEXT,
    source: Source,
) -> None:
    """Print a lead's whole story: what came, every decision and why, every attempt with request and response.

    This shows personal data; authentication headers and secrets were redacted before they were stored.

    Exit status: 0 found, 1 there is no such lead, 2 a setting can't be used, 3 what is needed can't be reached:
    PostgreSQL, or the console in its cluster.
    """
    with source() as leads:
        story = leads.story(lead_id)
    if story is None:
        raise fail(f"There is no lead {lead_id}.", NEGATIVE)
    if output is Output.JSON:
        typer.echo(json.dumps(story, indent=2))
    else:
        Console(highlight=False, soft_wrap=True).print(as_text(story))


COMMANDS: Mapping[str, Callable[..., None]] = {
    "list": list_leads,
    "show": show,
    "tail": tail,
    "export": export,
    "replay": replay,
    "reject": reject,
    "move": move,
    "bulk": bulk,
}
"""What can be done over any source."""


def over(source: Callable[..., Any], command: Callable[..., None]) -> Callable[..., None]:
    """A command with the options by which its source is found and its leads are chosen."""
    return expanded(command, source=source, wanted=lead_filter, manner=manner)


app = typer.Typer(
    help="Find leads and act on them: list, show, tail, export, replay, reject, move, bulk, erase.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

for _name, _command in COMMANDS.items():
    app.command(_name)(over(database, _command))
app.command()(erase)
app.command()(erasures)
