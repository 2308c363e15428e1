"""The exit statuses of core's commands, and the one place where errors become one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from leadgateway.store.errors import StoreError, StoreUnavailable

NEGATIVE = 1
"""The question was answered, and the answer is no: a route with problems, a lead that isn't there."""

USAGE = 2
"""The call can't be carried out as it was written: an option, a variable or a file that can't be used."""

UNAVAILABLE = 3
"""Something that is needed can't be reached; the same call may succeed later."""

INTERRUPTED = 130
"""Ended by Ctrl-C (128 + SIGINT, as shells have it); what it began goes on without it."""


def fail(message: str, status: int) -> typer.Exit:
    """Print an error for people; returns what to raise.

    Args:
        message: What is wrong and what to do, without secrets and lead contents.
        status: The exit status.
    """
    typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
    typer.echo(message, err=True)
    return typer.Exit(status)


@contextmanager
def store_errors_exit() -> Iterator[None]:
    """Turn what the store raises into a sentence and an exit status."""
    try:
        yield
    except StoreUnavailable as error:
        hint = (
            "Is PostgreSQL running, and do DATABASE_URL or POSTGRES_* name it? "
            "(That of `leadgateway dev` is found while it runs: from the same folder, or with --data.)"
        )
        raise fail(f"{error}\n{hint}", UNAVAILABLE) from None
    except StoreError as error:
        raise fail(str(error), NEGATIVE) from None
