"""Which servers a command talks to: those of the environment, or those of the development stack that runs here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from leadgateway.commands.exits import store_errors_exit
from leadgateway.dev.home import DATABASE_VARIABLES, REDIS_VARIABLES, Home, is_given
from leadgateway.settings import DatabaseSettings, RedisSettings, load
from leadgateway.store.connection import Connection
from leadgateway.store.engine import create_store_engine

DATA_OPTION = typer.Option(
    "--data",
    envvar="LEADGATEWAY_DATA",
    metavar="DIR",
    help="Data folder of a running `leadgateway dev`; its database is used when neither DATABASE_URL nor POSTGRES_* "
    "is set.",
)


def database_settings(data: Path) -> DatabaseSettings:
    """Where the database is: as the environment says, else the development stack's with its data in `data`.

    Raises:
        InvalidSettings: A variable holds what can't be used.
    """
    if not is_given(DATABASE_VARIABLES, os.environ):
        url = Home(data).read_environment().get("DATABASE_URL")
        if url:
            return load(DatabaseSettings, url=url)
    return load(DatabaseSettings)


def redis_settings(data: Path) -> RedisSettings | None:
    """Where Redis is, found like the database; None where nothing names one.

    Raises:
        InvalidSettings: A variable holds what can't be used.
    """
    if is_given(REDIS_VARIABLES, os.environ):
        return load(RedisSettings)
    url = None if is_given(DATABASE_VARIABLES, os.environ) else Home(data).read_environment().get("REDIS_URL")
    return load(RedisSettings, url=url) if url else None


@contextmanager
def connected(data: Path, *, command: str = "lead") -> Iterator[Connection]:
    """A connection to the database for as long as the block runs; what the store raises ends the command.

    Args:
        data: As for `database_settings`.
        command: What PostgreSQL's own views call us.
    """
    with store_errors_exit():
        engine = create_store_engine(database_settings(data), application_name=f"leadgateway {command}", pool_size=1)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()
