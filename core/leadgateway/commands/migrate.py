"""`leadgateway migrate`: bring the database's schema up to this version, and let the other roles use it."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from leadgateway.commands.exits import USAGE, fail, store_errors_exit
from leadgateway.commands.servers import DATA_OPTION, database_settings
from leadgateway.dev.home import DEFAULT
from leadgateway.settings import DatabaseSettings, LogSettings, load
from leadgateway.store.engine import create_store_engine
from leadgateway.store.grants import UnknownRole, grant_console
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
    grant: Annotated[
        list[str] | None,
        typer.Option(
            "--grant",
            metavar="ROLE",
            envvar="LEADGATEWAY_MIGRATE_GRANT",
            help="Then give this existing role what webhook and worker need, and no more: it can add to the audit, but "
            "not change it. May be given several times.",
        ),
    ] = None,
    grant_to_console: Annotated[
        list[str] | None,
        typer.Option(
            "--grant-console",
            metavar="ROLE",
            envvar="LEADGATEWAY_MIGRATE_GRANT_CONSOLE",
            help="Likewise for a console with a role of its own: it can act on leads and erase them, each "
            "erasure recorded, but take none in and deliver none.",
        ),
    ] = None,
    data: Annotated[Path, DATA_OPTION] = DEFAULT,
) -> None:
    """Bring the database's schema up to this version. Safe to run at any time, by several at once, while leads flow.

    The database is the one that DATABASE_URL or POSTGRES_* name, as a role that owns its tables.

    Exit status: 0 the schema is current, 1 a migration failed and was undone, 2 a setting can't be used or a role
    isn't there, 3 PostgreSQL stayed away.
    """
    configure_logging("migrate", format="console" if sys.stderr.isatty() else load(LogSettings).format)
    roles = grant or []
    with store_errors_exit():
        try:
            revision = apply_migrations(database_settings(data), wait=timedelta(seconds=wait), grant_to=roles)
        except UnknownRole as error:
            raise fail(f"--grant: {error}", USAGE) from None
        try:
            _grant_to_consoles(database_settings(data), grant_to_console or [])
        except UnknownRole as error:
            raise fail(f"--grant-console: {error}", USAGE) from None
    typer.echo(f"The schema is current: revision {revision}.")
    for role in roles:
        typer.echo(f"The role {role} may do what webhook and worker need.")
    for role in grant_to_console or []:
        typer.echo(f"The role {role} may do what a console needs.")


def _grant_to_consoles(settings: DatabaseSettings, roles: list[str]) -> None:
    if not roles:
        return
    engine = create_store_engine(settings, application_name="leadgateway migrate", pool_size=1)
    try:
        with engine.connect() as connection:
            for role in roles:
                grant_console(connection, role)
    finally:
        engine.dispose()
