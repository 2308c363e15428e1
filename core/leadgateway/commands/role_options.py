"""Options that the commands of webhook, worker and console share, declared once.

Each is None where it was not given: the settings then find the environment's value, or their default.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

StatusHost: TypeAlias = Annotated[
    str | None,
    typer.Option(envvar="LEADGATEWAY_STATUS_HOST", show_default="127.0.0.1", help="Address for metrics and probes."),
]

ConfigDir: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        envvar="LEADGATEWAY_CONFIG_DIR",
        show_default="/etc/lead-gateway",
        help="Folder with the published routes, read again whenever they change.",
    ),
]

EXIT_PORT = 1
"""Exit status of a role whose port is taken."""


def port(variable: str, default: int, *, what: str) -> Any:
    """An option for a port.

    Args:
        variable: The environment's name for it.
        default: What the settings take where nothing is said; for the help alone.
        what: What the port is for, as a sentence begins: "Port for posts".
    """
    return typer.Option(
        envvar=variable, show_default=str(default), min=0, max=65535, help=f"{what}; 0 for any free one."
    )


def status_port(variable: str, default: int) -> Any:
    """The option for the port of metrics and probes; arguments as of `port`."""
    return port(variable, default, what="Port for metrics and probes")
