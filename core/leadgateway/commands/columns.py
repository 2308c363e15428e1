"""Rows of text in columns, for terminals and for `grep` alike."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

STATUS_COLOURS = {"DELIVERED": "green", "REJECTED": "yellow", "FAILED": "yellow", "PERMANENTLY_FAILED": "red"}


def printable(text: str, keep: str = "") -> str:
    """Escape what a terminal would obey, and what UTF-8 can't hold: leads and answers are hostile."""
    return "".join(
        character if character.isprintable() or character in keep else json.dumps(character)[1:-1] for character in text
    )


def print_columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a head, each column as wide as its widest cell; never cut, never wrapped.

    Args:
        head: Names of the columns.
        rows: Cells, whatever they hold; one that names a status has its colour on a terminal.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    console = Console(highlight=False, soft_wrap=True)
    console.print(_line(head, widths, style="bold"))
    for row in rows:
        console.print(_line(row, widths))


def _line(cells: Sequence[str], widths: Sequence[int], *, style: str | None = None) -> Text:
    line = Text()
    for cell, width in zip(cells, widths, strict=True):
        line.append(cell.ljust(width), style=style or STATUS_COLOURS.get(cell, ""))
        line.append("  ")
    line.rstrip()
    return line
