"""From values to HTML: everything that comes out of a lead is escaped, without exception and by default."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from importlib import resources
from itertools import groupby
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leadgateway import __version__
from leadgateway_webhook.console.access import Principal
from leadgateway_webhook.console.telling import kind_of

_PACKAGE = "leadgateway_webhook.console"
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that is sent as it is.

    Attributes:
        content: It.
        content_type: Its type.
        version: Changes with the content.
    """

    content: bytes
    content_type: str
    version: str


class Templates:
    """All pages' shapes, and the files they refer to."""

    def __init__(self) -> None:
        """Read everything once."""
        self.static = _static_files()
        self._environment = Environment(
            loader=PackageLoader(_PACKAGE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {"static": self._address, "version": __version__}
        self._environment.filters |= {"moment": moment, "ago": ago, "number": number, "count": count}
        self._environment.filters |= {"status_kind": kind_of, "percent": percent, "rate_kind": rate_kind}
        self._environment.filters["by_table"] = by_table

    def page(
        self, template: str, principal: Principal | None, *, status: int = HTTPStatus.OK, **values: Any
    ) -> HTMLResponse:
        """A page.

        Args:
            template: The name of its file.
            principal: Who looks at it; None: nobody who is known, so nothing of a lead may be in the values.
            status: Of the answer.
            values: What it shows.
        """
        html = self._environment.get_template(template).render(principal=principal, **values)
        # A lead may hold what UTF-8 can't: a lone surrogate is legal JSON.
        return HTMLResponse(html.encode("utf-8", "replace"), status)

    def pieces(self, template: str, principal: Principal, **values: Any) -> Iterator[bytes]:
        """A page that is sent while it is being made; see `page`."""
        for piece in self._environment.get_template(template).generate(principal=principal, **values):
            yield piece.encode("utf-8", "replace")

    def fragment(self, template: str, **values: Any) -> str:
        """A part of a page."""
        return self._environment.get_template(template).render(**values)

    def _address(self, name: str) -> str:
        return f"/static/{name}?v={self.static[name].version}"


def moment(at: datetime | None) -> Markup:
    """A time: in UTC as it is sent, in the reader's own zone once the script has run."""
    if at is None:
        return Markup("–")
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        utc.isoformat(timespec="milliseconds"), f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    )


def ago(at: datetime | None, now: datetime) -> str:
    """How long something is ago, in the largest unit that fits."""
    return "–" if at is None else duration(now - at)


def duration(span: timedelta) -> str:
    """A stretch of time in its two largest units."""
    seconds = max(int(span.total_seconds()), 0)
    for unit, length, smaller, part in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= length:
            return f"{seconds // length} {unit} {seconds % length // part} {smaller}"
    return f"{seconds} s"


def number(value: float) -> str:
    """A number with its thousands apart (U+202F, so that it never breaks)."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def count(value: int, one: str, many: str) -> str:
    """So many of something."""
    return f"{number(value)} {one if value == 1 else many}"


def percent(rate: float) -> str:
    """A share of one as per cent, rounded down: only what is whole is shown as 100."""
    return f"{int(100 * rate)} %"


def rate_kind(rate: float) -> str:
    """How a share of leads that customers took is coloured."""
    return "good" if rate >= 0.95 else "wait" if rate >= 0.5 else "bad"


def by_table(counts: Iterable[tuple[str, int]]) -> list[tuple[str, list[tuple[str, int]]]]:
    """Counts of `table.column`, in order, as a list of tables with their columns."""
    by_name = groupby(counts, key=lambda one: one[0].partition(".")[0])
    return [(table, [(name.partition(".")[2], times) for name, times in each]) for table, each in by_name]


def _static_files() -> Mapping[str, StaticFile]:
    found = {}
    for file in resources.files(_PACKAGE).joinpath("static").iterdir():
        kind = _TYPES.get(file.name.rpartition(".")[2])
        if kind is not None:
            content = file.read_bytes()
            found[file.name] = StaticFile(content, kind, hashlib.sha256(content).hexdigest()[:12])
    return found
