"""`leadgateway stats`: how many leads came, and what became of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from leadgateway.commands.columns import print_columns
from leadgateway.commands.lead_filter import RouteOption, UntilOption, moment
from leadgateway.commands.output import Output, OutputOption
from leadgateway.commands.source import Source, expanded
from leadgateway.commands.store_source import database
from leadgateway.route.duration import InvalidDuration, parse_duration
from leadgateway.store.statistics import Counts, Statistics
from leadgateway.store.status import LeadStatus

_WIDEST_BAR = 40


def count(
    *,
    route: RouteOption = None,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="Accepted then or later: 24h, 7d or 2026-07-01.")
    ] = "24h",
    until: UntilOption = None,
    bucket: Annotated[
        str, typer.Option("--bucket", metavar="DURATION", help="How long each stretch of time is: 1h, 1d.")
    ] = "1h",
    output: OutputOption = Output.TEXT,
    source: Source,
) -> None:
    """Count the leads of a period by where they stand now: by route, by reject code, and over time.

    Exit status: 0 counted, 2 there can be no such period, 3 what is needed can't be reached.
    """
    began = moment(since, option="--since") or datetime.now(UTC)
    ended = moment(until, option="--until") or datetime.now(UTC) + timedelta(seconds=1)
    stretch = _duration(bucket)
    with source() as leads:
        counted = leads.statistics(received_from=began, received_before=ended, bucket=stretch, route=route)
    if output is Output.JSON:
        typer.echo(json.dumps(_as_json(counted), indent=2))
    else:
        _print(counted)


stats = expanded(count, source=database)


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except InvalidDuration as error:
        raise typer.BadParameter(str(error), param_hint="--bucket") from None


def _as_json(counted: Statistics) -> dict[str, object]:
    return {
        "total": counted.total,
        "by_status": _plain(counted.by_status),
        "by_route": {route: _plain(counts) for route, counts in counted.by_route.items()},
        "by_reject_code": {route: dict(codes) for route, codes in counted.by_reject_code.items()},
        "by_time": [{"start": each.start.isoformat(), **_plain(each.counts)} for each in counted.by_time],
    }


def _plain(counts: Counts) -> dict[str, int]:
    return {status.value: counts.get(status, 0) for status in LeadStatus}


def _print(counted: Statistics) -> None:
    statuses = [status.value for status in LeadStatus]
    routes = [*sorted(counted.by_route.items()), ("all", counted.by_status)]
    print_columns(
        ["ROUTE", "LEADS", *statuses],
        [[name, str(sum(counts.values())), *map(str, _plain(counts).values())] for name, counts in routes],
    )
    codes = [(str(n), code, route) for route, by in counted.by_reject_code.items() for code, n in by.items()]
    if codes:
        typer.echo()
        print_columns(["REJECTED", "CODE", "ROUTE"], sorted(codes, key=lambda row: -int(row[0])))
    if counted.by_time:
        typer.echo()
        most = max(sum(each.counts.values()) for each in counted.by_time)
        times = [(each.start, sum(each.counts.values())) for each in counted.by_time]
        bars = [(f"{start:%Y-%m-%d %H:%MZ}", str(n), "█" * max(1, round(n / most * _WIDEST_BAR))) for start, n in times]
        print_columns(["FROM", "LEADS", ""], bars)
