"""`leadgateway dev`: the whole gateway on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from leadgateway.commands.exits import UNAVAILABLE, fail, store_errors_exit
from leadgateway.dev.account import NoAccountError
from leadgateway.dev.binaries import MissingServerError
from leadgateway.dev.home import DEFAULT, InUse
from leadgateway.dev.options import Options
from leadgateway.dev.ports import PortTaken
from leadgateway.dev.screen import Screen
from leadgateway.dev.server import AlreadyRunningError, StartError, UnreachableDataError
from leadgateway.dev.sockets import UnsafeFolderError
from leadgateway.dev.supervisor import run
from leadgateway.telemetry.logs import configure_logging

_CANT_START = (
    AlreadyRunningError,
    InUse,
    MissingServerError,
    NoAccountError,
    PortTaken,
    StartError,
    UnreachableDataError,
    UnsafeFolderError,
)


def _port(option: str, variable: str, what: str) -> Any:
    return typer.Option(option, envvar=variable, min=0, max=65535, metavar="PORT", help=f"{what}; 0 for any free one.")


def dev(
    *,
    routes: Annotated[
        Path | None,
        typer.Option(
            "--routes",
            envvar="LEADGATEWAY_ROUTES",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Folder of LeadRoutes and Secrets in YAML, read again when a file changes. "
            "Default: crds/samples/dev of a clone, else a sample in the data folder.",
        ),
    ] = None,
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            envvar="LEADGATEWAY_DATA",
            metavar="DIR",
            file_okay=False,
            help="Folder for the data of PostgreSQL and Valkey, logs and the like; found again by the next start.",
        ),
    ] = DEFAULT,
    port: Annotated[int, _port("--port", "LEADGATEWAY_WEBHOOK_PORT", "Port of the webhook")] = 8000,
    workers: Annotated[
        int, typer.Option("--workers", envvar="LEADGATEWAY_DEV_WORKERS", min=1, max=32, help="Worker processes.")
    ] = 1,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Send three sample leads and show their way.")] = True,
    demo_port: Annotated[int, _port("--demo-port", "LEADGATEWAY_DEMO_PORT", "Port of the demo customer")] = 8010,
    webhook_status_port: Annotated[
        int,
        _port("--webhook-status-port", "LEADGATEWAY_WEBHOOK_STATUS_PORT", "Port of the webhook's metrics and health"),
    ] = 9100,
    console_port: Annotated[int, _port("--console-port", "LEADGATEWAY_CONSOLE_PORT", "Port of the console")] = 8001,
    console_status_port: Annotated[
        int | None,
        typer.Option(
            "--console-status-port",
            envvar="LEADGATEWAY_CONSOLE_STATUS_PORT",
            min=0,
            max=65535,
            metavar="PORT",
            show_default="9103, or the first after the workers'",
            help="Port of the console's metrics and health; 0 for any free one.",
        ),
    ] = None,
    worker_status_port: Annotated[
        int,
        _port(
            "--worker-status-port",
            "LEADGATEWAY_WORKER_STATUS_PORT",
            "Port of the first worker's metrics and health; further workers take those after it",
        ),
    ] = 9101,
) -> None:
    """Run the whole gateway on this machine: PostgreSQL, Valkey, webhook, workers, console and a customer.

    Nothing else needs to be installed, and everything listens on 127.0.0.1 only. Ctrl-C ends all of it; the data stays.

    DATABASE_URL (or POSTGRES_*) and REDIS_URL, where set, name servers that are used instead of its own.

    Exit status: 0 ended by a signal, 2 a setting can't be used, 3 it could not be started.
    """
    options = Options(
        data=data,
        routes=routes,
        port=port,
        demo_port=demo_port,
        webhook_status_port=webhook_status_port,
        console_port=console_port,
        console_status_port=console_status_port,
        worker_status_port=worker_status_port,
        workers=workers,
        demo=demo,
    )
    # What happens is told in sentences; the parts have logs of their own.
    configure_logging("dev", format="console", level="warning")
    try:
        with store_errors_exit():
            run(options, os.environ, Screen(Console()))
    except _CANT_START as error:
        raise fail(str(error), UNAVAILABLE) from None
    except OSError as error:
        raise fail(_system_sentence(error), UNAVAILABLE) from None


def _system_sentence(error: OSError) -> str:
    """What the system refused; permission is mostly refused where another user started a stack before."""
    told = f"{error.filename or 'the system'}: {error.strerror}."
    if isinstance(error, PermissionError):
        told += " Was it made by another user, such as root? Remove it as that user, or choose another: --data DIR"
    return told
