"""`leadgateway webhook`: run the part that takes leads."""

from __future__ import annotations

from typing import Annotated

import typer

from leadgateway.commands import role_options
from leadgateway.commands.role_options import EXIT_PORT, ConfigDir, StatusHost
from leadgateway.heap import share_one_heap
from leadgateway.settings import DatabaseSettings, LogSettings, RedisSettings, TracingSettings, WebhookSettings, load
from leadgateway.telemetry.logs import configure_logging
from leadgateway_webhook.listening import PortUnavailable
from leadgateway_webhook.process import Webhook


def webhook(
    host: Annotated[
        str | None,
        typer.Option(
            envvar="LEADGATEWAY_WEBHOOK_HOST", show_default="127.0.0.1", help="Address for posts; :: for all."
        ),
    ] = None,
    port: Annotated[int | None, role_options.port("LEADGATEWAY_WEBHOOK_PORT", 8000, what="Port for posts")] = None,
    status_host: StatusHost = None,
    status_port: Annotated[int | None, role_options.status_port("LEADGATEWAY_WEBHOOK_STATUS_PORT", 9100)] = None,
    config_dir: ConfigDir = None,
) -> None:
    """Take leads over HTTP and store them, until SIGTERM.

    PostgreSQL (DATABASE_URL or POSTGRES_*) and Redis (REDIS_URL) need not be there at the start: posts are answered 503
    until the database is. Further variables are in the README.

    Exit status: 0 ended by a signal, with every accepted post answered; 1 a port is taken; 2 a setting can't be used.
    """
    settings = load(
        WebhookSettings,
        host=host,
        port=port,
        status_host=status_host,
        status_port=status_port,
        config_dir=config_dir,
    )
    share_one_heap()
    logs = load(LogSettings)
    configure_logging("webhook", format=logs.format, level=logs.level)
    try:
        process = Webhook(
            settings, load(DatabaseSettings), load(RedisSettings), logs=logs, tracing=load(TracingSettings)
        )
    except PortUnavailable as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(EXIT_PORT) from None
    process.run()
