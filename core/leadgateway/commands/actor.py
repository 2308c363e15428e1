"""Who acts, for the audit."""

from __future__ import annotations

import getpass
import os
from typing import Annotated, TypeAlias

import typer

Actor: TypeAlias = Annotated[
    str | None,
    typer.Option("--actor", metavar="NAME", help="Who does it, for the audit. Default: the name of the account."),
]


def person_of(actor: str | None) -> str:
    """Who acts: as told, else the account; a container's user often has no name."""
    if actor:
        return actor
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
