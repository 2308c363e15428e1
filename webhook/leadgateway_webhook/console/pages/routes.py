"""*Routes*: what each says and how it fares; and a place to try a lead on one, which stores and sends nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

import yaml
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from leadgateway.pipeline.examples import ExampleFailure, run_examples
from leadgateway.pipeline.lead import InvalidLead, parse_lead
from leadgateway.pipeline.outcome import Rejected
from leadgateway.pipeline.process import decide, encode_payload
from leadgateway.route.snapshot import RouteKey, RouteSnapshot
from leadgateway.store.backlog import waiting_of
from leadgateway.store.breaker import OpenBreaker, open_breakers
from leadgateway.store.connection import Connection
from leadgateway.store.route_state import RouteState, route_states, success_rate
from leadgateway.store.statistics import statistics
from leadgateway_webhook.console.access import Principal, viewer
from leadgateway_webhook.console.catalogue import PublishedRoute
from leadgateway_webhook.console.forms import read_own_form
from leadgateway_webhook.console.parts import database, parts_of, render
from leadgateway_webhook.console.telling import text_of

RECENT = timedelta(hours=1)
"""For how long back the list of routes says how each fares."""
DAY = timedelta(days=1)
"""For how long back a route's own page does."""
LARGEST_LEAD = 1024 * 1024
"""Bytes of a lead that can be tried; what intake takes by default."""

Viewer = Annotated[Principal, Depends(viewer)]
Database = Annotated[Connection, Depends(database)]

router = APIRouter(prefix="/routes")


@dataclass(frozen=True, slots=True)
class Tried:
    """What would become of a lead.

    Attributes:
        lead: As it was pasted.
        title: What would happen, in a few words.
        kind: How that is coloured.
        sentence: What it means.
        payload: What would be sent; empty: nothing.
        omitted: Optional targets that would be left out, and why.
    """

    lead: str
    title: str
    kind: str
    sentence: str
    payload: str = ""
    omitted: tuple[tuple[str, str], ...] = ()


@router.get("")
def index(request: Request, principal: Viewer, connection: Database) -> Response:
    """All of them, and those that are gone but still have leads waiting."""
    published = parts_of(request).catalogue.current.routes
    states = {state.route: state for state in route_states(connection, recent=RECENT)}
    rows = [
        (key, published.get(key), states.get(key) or RouteState(key))
        for key in sorted(published.keys() | states.keys())
    ]
    return render(request, "routes.html", principal, rows=rows, held=_held(connection), now=datetime.now(UTC))


@router.get("/{namespace}/{name}")
def show(namespace: str, name: str, request: Request, principal: Viewer, connection: Database) -> Response:
    """One of them."""
    return _page(request, principal, connection, f"{namespace}/{name}")


@router.post("/{namespace}/{name}/try")
async def try_it(namespace: str, name: str, request: Request, principal: Viewer, connection: Database) -> Response:
    """What would become of a lead that is pasted. Nothing is stored, sent or counted."""
    form = await read_own_form(request, parts_of(request).access, principal)
    key, lead = f"{namespace}/{name}", form.get("lead", "")

    def tried() -> Response:
        route = parts_of(request).catalogue.current.routes.get(key)
        result = None if route is None or route.snapshot is None else judge(lead, route.snapshot)
        return _page(request, principal, connection, key, tried=result)

    return await run_in_threadpool(tried)


def judge(text: str, route: RouteSnapshot) -> Tried:
    """What would become of a lead on a route, by the very steps that a posted one goes through.

    Args:
        text: The lead, as JSON.
        route: The route.
    """
    # A form sends line breaks as CR LF, which inside of JSON means the same.
    body = text.encode("utf-8", "surrogateescape")
    if len(body) > LARGEST_LEAD:
        return Tried("", "Not taken", "bad", f"It is larger than {LARGEST_LEAD} bytes.")
    try:
        lead = parse_lead(body)
    except InvalidLead as invalid:
        return Tried(text, "Not taken", "bad", invalid.sentence)
    decision = decide(lead, route)
    if isinstance(decision, Rejected):
        return Tried(text, f"Rejected with {decision.code}", "bad", decision.message)
    payload = text_of(encode_payload(decision.payload), is_open=True)
    omitted = tuple((each.target, each.reason.replace("_", " ")) for each in decision.omitted)
    return Tried(text, "Would be delivered", "good", "As the payload below.", payload, omitted)


def _page(
    request: Request, principal: Principal, connection: Connection, key: RouteKey, *, tried: Tried | None = None
) -> Response:
    route = parts_of(request).catalogue.current.routes.get(key)
    waiting, now = waiting_of(connection, key), datetime.now(UTC)
    day = statistics(connection, received_from=now - DAY, received_before=now, bucket=DAY, route=key)
    if route is None and not waiting.waiting and not day.total:
        raise HTTPException(
            HTTPStatus.NOT_FOUND, "There is no such route here. One that was just applied takes a moment."
        )
    return render(
        request,
        "route.html",
        principal,
        key=key,
        route=route,
        waiting=waiting,
        day=day.by_status,
        day_begins=f"{now - DAY:%Y-%m-%dT%H:%M}",
        codes=sorted(day.by_reject_code.get(key, {}).items(), key=lambda code: (-code[1], code[0])),
        success_rate=success_rate(day.by_status),
        held=_held(connection),
        config=_as_yaml(route),
        examples=list(_examples(route)),
        tried=tried,
        sample=_sample(route),
        now=now,
    )


def _held(connection: Connection) -> dict[RouteKey, OpenBreaker]:
    """The routes whose customer is left alone for now, as it doesn't answer."""
    return {breaker.opening.route: breaker for breaker in open_breakers(connection)}


def _as_yaml(route: PublishedRoute | None) -> str:
    if route is None or not route.spec:
        return ""
    return yaml.safe_dump(dict(route.spec), sort_keys=False, allow_unicode=True, width=100)


def _examples(route: PublishedRoute | None) -> Iterator[tuple[str, str]]:
    """Each inline test by name, and how it fails; empty: it doesn't."""
    if route is None or route.snapshot is None:
        return
    failures: Mapping[str, ExampleFailure] = {failure.name: failure for failure in run_examples(route.snapshot)}
    for example in route.snapshot.examples:
        failure = failures.get(example.name)
        yield example.name, failure.message if failure else ""


def _sample(route: PublishedRoute | None) -> str:
    """A lead to begin with: the route's own first example."""
    if route is None or route.snapshot is None or not route.snapshot.examples:
        return "{\n}"
    return text_of(encode_payload(dict(route.snapshot.examples[0].lead)), is_open=True)
