"""What a person sees of the development stack: what was started, what happens, what to try."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from leadgateway import __version__
from leadgateway.dev.keeper import Died, Restarted

NAME_WIDTH = 16
ADDRESS_WIDTH = 36

_STEP_COLOURS = {"DELIVERED": "green", "REJECTED": "yellow", "FAILED": "yellow", "PERMANENTLY_FAILED": "red"}


class Screen:
    """Prints on one console; safe to use from several threads."""

    def __init__(self, console: Console) -> None:
        """Print on `console`, which knows whether it is a terminal that shows colours."""
        self.console = console

    def title(self) -> None:
        """Say what this is."""
        self.console.print(f"\n[bold]Lead Gateway {__version__}[/]: everything on this machine\n")

    def started(self, what: str, detail: str = "") -> None:
        """A step of starting is done."""
        self._line(f"[green]✓[/] {escape(what):{NAME_WIDTH}}[dim]{escape(detail)}[/]")

    def note(self, sentence: str) -> None:
        """Something that a person may want to know."""
        self._line(f"[yellow]![/] {escape(sentence)}")

    def problem(self, sentence: str) -> None:
        """Something that a person must put right."""
        self._line(f"[red]✗[/] {escape(sentence)}")

    def happened(self, event: Died | Restarted, log: Path | None) -> None:
        """A part died or was started again."""
        if isinstance(event, Restarted):
            self.started(event.part, "was started again")
            return
        where = f"; its log: {log}" if log else ""
        self.problem(f"{event.part}: {event.reason}. Starting it again in {event.pause:g} s{where}.")

    def heading(self, sentence: str) -> None:
        """What follows is about this."""
        self.console.print(f"\n[bold]{escape(sentence)}[/]\n")

    def journey(self, lead_id: int, title: str, milliseconds: float) -> None:
        """A sample lead was posted and answered."""
        self._line(f"  [bold]Lead {lead_id}[/]: {escape(title)}  [dim]posted, answered in {milliseconds:.0f} ms[/]")

    def step(self, seconds: float, what: str, detail: str) -> None:
        """A lead came one step further, so many seconds after it was received."""
        colour = _STEP_COLOURS.get(what, "default")
        self._line(f"  [dim]{seconds:8.3f} s[/]  [{colour}]{escape(what):<20}[/][dim]{escape(detail)}[/]")

    def serving(self, addresses: Sequence[tuple[str, str]], command: str) -> None:
        """Everything works: where it is, and what to try."""
        self.console.print("\n[bold]Serving[/] until Ctrl-C\n")
        for what, where in addresses:
            self._line(f"  {escape(what):{ADDRESS_WIDTH}}{escape(where)}")
        self.console.print("\nPost a lead of your own:\n")
        self.console.print(command, markup=False, highlight=False, soft_wrap=True)
        self.console.print()

    def ending(self) -> None:
        """Everything is being ended."""
        self.console.print("\nEnding everything (again Ctrl-C: at once) …")

    def ended(self, data: Path) -> None:
        """Everything has ended."""
        self.console.print(f"Ended. The data stays in {escape(str(data))} for the next start.", highlight=False)

    def _line(self, text: str) -> None:
        self.console.print(text, highlight=False, soft_wrap=True)
