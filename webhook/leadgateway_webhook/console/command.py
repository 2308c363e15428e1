"""`leadgateway console`: run the website and the API for people who look after leads."""

from __future__ import annotations

from typing import Annotated

import typer

from leadgateway.commands import role_options
from leadgateway.commands.role_options import EXIT_PORT, ConfigDir, StatusHost
from leadgateway.settings import ConsoleSettings, DatabaseSettings, LogSettings, load
from leadgateway.telemetry.logs import configure_logging
from leadgateway_webhook.console.process import Console
from leadgateway_webhook.listening import PortUnavailable


def console(
    host: Annotated[
        str | None,
        typer.Option(
            envvar="LEADGATEWAY_CONSOLE_HOST",
            show_default="127.0.0.1",
            help="Address of the console; another than this machine's own needs a password, a token or a proxy.",
        ),
    ] = None,
    port: Annotated[int | None, role_options.port("LEADGATEWAY_CONSOLE_PORT", 8001, what="Port of the console")] = None,
    status_host: StatusHost = None,
    status_port: Annotated[int | None, role_options.status_port("LEADGATEWAY_CONSOLE_STATUS_PORT", 9103)] = None,
    config_dir: ConfigDir = None,
) -> None:
    """Serve the console: find leads, see their story, act on them. Until SIGTERM.

    On 127.0.0.1 it asks nobody who they are. To be reached from elsewhere it needs one of these in its environment:
    LEADGATEWAY_CONSOLE_PASSWORD (and …_VIEWER_PASSWORD), LEADGATEWAY_CONSOLE_TOKEN (and …_VIEWER_TOKEN), or
    LEADGATEWAY_CONSOLE_PROXY_HEADER with …_PROXY_NETWORKS. docs/console.md describes them.

    PostgreSQL (DATABASE_URL or POSTGRES_*) need not be there at the start.

    Exit status: 0 ended by a signal; 1 a port is taken; 2 a setting can't be used.
    """
    settings = load(
        ConsoleSettings,
        host=host,
        port=port,
        status_host=status_host,
        status_port=status_port,
        config_dir=config_dir,
    )
    logs = load(LogSettings)
    configure_logging("console", format=logs.format, level=logs.level)
    try:
        process = Console(settings, load(DatabaseSettings))
    except PortUnavailable as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(EXIT_PORT) from None
    process.run()
