"""`leadgateway migrate`: bring the database's schema up to this version."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from leadgateway.commands.exits import store_errors_exit
from leadgateway.commands.servers import DATA_OPTION, database_settings
from leadgateway.dev.home import DEFAULT
from leadgateway.settings import LogSettings, load
from leadgateway.store.migrations import migrate as apply_migrations
from leadgateway.telemetry.logs import configure_logging


def migrate(
    wait: Annotated[
        float,
        typer.Option(
            "--wait",
            min=0.0,
            metavar="SECONDS",
            envvar="LEADGATEWAY_MIGRATE_WAIT_SECONDS",
            help="How long to go on when PostgreSQL isn't there yet, somebody else migrates, or a table is locked.",
        ),
    ] = 30.0,
    data: Annotated[Path, DATA_OPTION] = DEFAULT,
) -> None:
    """Bring the database's schema up to this version. Safe to run at any time, by several at once, while leads flow.

    The database is the one that DATABASE_URL or POSTGRES_* name.

    Exit status: 0 the schema is current, 1 a migration failed and was undone, 2 a setting can't be used,
    3 PostgreSQL stayed away.
    """
    configure_logging("migrate", format="console" if sys.stderr.isatty() else load(LogSettings).format)
    with store_errors_exit():
        revision = apply_migrations(database_settings(data), wait=timedelta(seconds=wait))
    typer.echo(f"The schema is current: revision {revision}.")
