"""Routes with their live state."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from leadgateway.store.breaker import OpenBreaker, open_breakers
from leadgateway.store.route_state import RouteState, route_states
from leadgateway_webhook.console.api.leads import Database, Viewer
from leadgateway_webhook.console.api.problems import ProblemRoute
from leadgateway_webhook.console.catalogue import PublishedRoute
from leadgateway_webhook.console.parts import parts_of

RECENT = timedelta(hours=1)

router = APIRouter(route_class=ProblemRoute, tags=["routes"])


class Breaker(BaseModel):
    """A circuit breaker that is open."""

    opened_at: datetime
    probe_in_seconds: float = Field(description="until the next lead is tried")
    probes: int = Field(description="leads that were tried since it opened")
    attempts: int = Field(description="within the minute before it opened")
    failures: int = Field(description="of those attempts")


class Route(BaseModel):
    """A route that is published, or one that isn't and has leads."""

    route: str = Field(description="namespace/name")
    is_published: bool = Field(description="false: it was deleted, and its waiting leads stay until they are moved")
    config_hash: str | None = Field(description="of what is published; null: nothing that can be run")
    fault: str | None = Field(description="why it can't be run")
    waiting: int = Field(description="leads that have not come to an end")
    due: int = Field(description="those of them whose time has come")
    oldest_due_at: datetime | None
    next_due_at: datetime | None
    delivered: int = Field(description="leads that were delivered in the last hour")
    given_up: int = Field(description="leads that became PERMANENTLY_FAILED in the last hour")
    rejected: int = Field(description="leads that were rejected in the last hour")
    breaker: Breaker | None = Field(description="open: the customer is left alone but for probes; null: closed")
    success_rate: float | None = Field(description="delivered, of those delivered or given up; null: neither")


class RouteList(BaseModel):
    """All routes."""

    routes: list[Route]


@router.get("/routes")
def list_routes(request: Request, _: Viewer, connection: Database) -> RouteList:
    """List all routes, published or not, that have leads or may get some."""
    published = parts_of(request).catalogue.look().routes
    states = {state.route: state for state in route_states(connection, recent=RECENT)}
    breakers = {breaker.opening.route: breaker for breaker in open_breakers(connection)}
    names = sorted(published.keys() | states.keys())
    routes = [_route(states.get(name) or RouteState(name), published.get(name), breakers.get(name)) for name in names]
    return RouteList(routes=routes)


def _route(state: RouteState, published: PublishedRoute | None, breaker: OpenBreaker | None) -> Route:
    return Route(
        route=state.route,
        is_published=published is not None,
        config_hash=published.snapshot.config_hash if published and published.snapshot else None,
        fault=published.fault if published else None,
        waiting=state.waiting,
        due=state.due,
        oldest_due_at=state.oldest_due_at,
        next_due_at=state.next_due_at,
        delivered=state.delivered,
        given_up=state.given_up,
        rejected=state.rejected,
        breaker=_breaker(breaker) if breaker else None,
        success_rate=state.success_rate,
    )


def _breaker(breaker: OpenBreaker) -> Breaker:
    opening = breaker.opening
    return Breaker(
        opened_at=opening.opened_at,
        probe_in_seconds=breaker.probe_in.total_seconds(),
        probes=opening.probes,
        attempts=opening.attempts,
        failures=opening.failures,
    )
