"""The `leadgateway` command, run in this process as the shell would run it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from typer.testing import CliRunner

from leadgateway.cli import app

_OURS = ("LEADGATEWAY_", "POSTGRES_", "DATABASE_URL", "REDIS_URL", "CUSTOMER_", "WEBHOOK_", "ATTRIBUTE_")


@dataclass(frozen=True, slots=True)
class Called:
    """What a call came to."""

    status: int
    out: str
    error: str


def leadgateway(*arguments: str, stdin: bytes | None = None, environment: Mapping[str, str] | None = None) -> Called:
    """Call the command.

    Args:
        arguments: Of the command line.
        stdin: Standard input.
        environment: Variables; of the caller's own, none that the gateway reads.
    """
    cleared: dict[str, str | None] = {name: None for name in os.environ if name.startswith(_OURS)}
    shown = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    result = CliRunner().invoke(app, arguments, input=stdin, env=cleared | shown | dict(environment or {}))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Called(result.exit_code, result.stdout, result.stderr)
