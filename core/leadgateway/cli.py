"""The `leadgateway` command: finds each subcommand by name and loads only the one that is called.

Core may import none of the apps, so these announce their commands as entry points of the group
`leadgateway.commands` (see `pyproject.toml`).
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from importlib.metadata import entry_points
from types import FrameType
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from leadgateway import __version__
from leadgateway.settings import InvalidSettings

_OWN_COMMANDS = {
    "dev": "leadgateway.commands.dev:dev",
    "lead": "leadgateway.commands.lead:app",
    "migrate": "leadgateway.commands.migrate:migrate",
    "route": "leadgateway.commands.route:app",
    "stats": "leadgateway.commands.stats:stats",
}
EXIT_USAGE = 2
"""Exit status for a call that can't be carried out as it was written (also Typer's own)."""


class _LazyGroup(typer.core.TyperGroup):
    """Imports a subcommand when it is called, so that a short command does not pay for kopf or FastAPI."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return sorted(_commands())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        target = _commands().get(cmd_name)
        return None if target is None else _load(cmd_name, target)


def _commands() -> dict[str, str]:
    apps = {point.name: point.value for point in entry_points(group="leadgateway.commands")}
    return _OWN_COMMANDS | apps


def _load(name: str, target: str) -> Any:
    module, _, attribute = target.partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command = typer.main.get_command(found)
    else:
        # Without Rich, here and for groups: on a terminal of 80 columns its tables cut the names of options and
        # variables off, and it takes brackets in a help text for markup.
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(name)(found)
        command = typer.main.get_command(single)
    command.name = name
    return command


app = typer.Typer(
    name="leadgateway",
    cls=_LazyGroup,
    help="Accept sales leads durably, check and map each, and deliver it to one customer's API.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_show_locals=False,
)


def _show_version(value: bool) -> None:  # noqa: FBT001
    if value:
        typer.echo(f"lead-gateway {__version__}")
        raise typer.Exit


@app.callback()
def leadgateway(
    version: Annotated[  # noqa: FBT002
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Accept sales leads durably, check and map each, and deliver it to one customer's API."""


def main() -> None:
    """Run the command line; a setting that can't be used ends it with one sentence a variable and exit status 2."""
    if os.getpid() == _FIRST_PROCESS:
        signal.signal(signal.SIGTERM, _end)
    try:
        app()
    except InvalidSettings as error:
        typer.echo(str(error), err=True)
        sys.exit(EXIT_USAGE)


_FIRST_PROCESS = 1
"""Of a container. For it alone the kernel drops a SIGTERM that nothing handles, so `docker stop` and the deletion of a
pod would wait for their whole grace period. Webhook, worker and operator set their own handlers as soon as they run."""


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)
