"""How results are printed, and how long work shows that it goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeAlias
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import Progress


class Output(StrEnum):
    """How a result is printed."""

    TEXT = "text"
    JSON = "json"


OutputOption: TypeAlias = Annotated[Output, typer.Option("--output", "-o", help="text for people, json for programs.")]


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on standard error, if that is a terminal; gone at the end.

    Yields:
        What to tell it: the name of a part, how much of it is done, and of how much.
    """
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        tasks: dict[str, int] = {}

        def tell(part: str, done: int, whole: int) -> None:
            if part not in tasks:
                tasks[part] = bar.add_task(part, total=whole)
            bar.update(tasks[part], completed=done, total=whole)  # type: ignore[arg-type]

        yield tell


def plain(value: object) -> object:
    """A value as JSON has it; times are ISO 8601 in UTC."""
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | StrEnum) else value
