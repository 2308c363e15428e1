"""The options by which leads are chosen, the same for every command that finds some."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, TypeAlias
from uuid import UUID

import typer

from leadgateway.commands.exits import USAGE, fail
from leadgateway.route.duration import InvalidDuration, parse_duration
from leadgateway.store.search import BodyField, InvalidFilter, LeadFilter
from leadgateway.store.status import LeadStatus

RouteOption: TypeAlias = Annotated[
    str | None, typer.Option("--route", metavar="NAMESPACE/NAME", help="Of this route only.")
]
StatusOption: TypeAlias = Annotated[
    list[LeadStatus] | None, typer.Option("--status", help="That stand here. May be repeated.", case_sensitive=False)
]
CodeOption: TypeAlias = Annotated[str | None, typer.Option("--code", metavar="CODE", help="REJECTED with this code.")]
SinceOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Accepted then or later: 24h, 7d, 2026-07-01 or 2026-07-01T12:00Z."),
]
UntilOption: TypeAlias = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Accepted before then; written as for --since.")
]
EmailOption: TypeAlias = Annotated[
    str | None, typer.Option("--email", metavar="ADDRESS", help="With this e-mail address anywhere in the body.")
]
PhoneOption: TypeAlias = Annotated[
    str | None, typer.Option("--phone", metavar="NUMBER", help="With this phone number anywhere in the body.")
]
CorrelationOption: TypeAlias = Annotated[
    UUID | None, typer.Option("--correlation-id", metavar="UUID", help="With this correlation id.")
]
FieldOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--field", metavar="PATH=VALUE", help="With this value in the body: address.zip=66123. May be repeated."
    ),
]

Wanted: TypeAlias = Callable[[], LeadFilter]
"""Makes the filter of the options that a command was given, see `source.expanded`."""


def lead_filter(
    *,
    route: RouteOption = None,
    status: StatusOption = None,
    code: CodeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    correlation_id: CorrelationOption = None,
    field: FieldOption = None,
) -> LeadFilter:
    """Make a filter of the options.

    Raises:
        typer.Exit: With `USAGE`, after a sentence: nothing can be found by one of them.
    """
    try:
        return LeadFilter(
            route=route,
            statuses=frozenset(status or []),
            reject_code=code,
            received_from=moment(since, option="--since"),
            received_before=moment(until, option="--until"),
            email=email,
            phone=phone,
            correlation_id=correlation_id,
            fields=tuple(BodyField.parse(text) for text in field or []),
        )
    except InvalidFilter as error:
        option = _OPTIONS.get(error.field, f"--{error.field}")
        raise fail(f"{option}: {error.sentence}", USAGE) from None


_OPTIONS = {"received_from": "--since", "received_before": "--until", "field": "--field"}


def moment(text: str | None, *, option: str) -> datetime | None:
    """Read a time: how long ago (`24h`), or a date or time of ISO 8601, of this machine's zone unless it names one.

    Raises:
        typer.BadParameter: It is neither.
    """
    if text is None:
        return None
    try:
        return datetime.now(UTC) - parse_duration(text)
    except InvalidDuration:
        pass
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            "write how long ago (30m, 24h, 7d), a date (2026-07-01) or a time (2026-07-01T12:00Z)", param_hint=option
        ) from None
