"""Following leads: what happens to the last ones and to those that come, as it happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from leadgateway.commands.lead_list import step_json
from leadgateway.store.errors import StoreError
from leadgateway.store.tail import Step, Tail
from leadgateway_webhook.console.access import NotSignedIn
from leadgateway_webhook.console.api.filters import RouteName
from leadgateway_webhook.console.api.leads import Database, Viewer
from leadgateway_webhook.console.api.problems import ProblemRoute
from leadgateway_webhook.console.parts import Parts, parts_of

_POLL_SECONDS = 1.0
_STEPS = 4

router = APIRouter(route_class=ProblemRoute, tags=["leads"])


@router.get("/leads/tail", response_class=StreamingResponse, responses={200: {"content": {"application/x-ndjson": {}}}})
def tail_leads(
    request: Request,
    _: Viewer,
    connection: Database,
    route: Annotated[RouteName | None, Query()] = None,
    lines: Annotated[int, Query(ge=0, le=1000, description="leads from before to begin with")] = 10,
) -> StreamingResponse:
    """Stream each change of state as a line of JSON, beginning with the last leads; an empty line says: still here.

    It ends with the console's process, when the database can't be reached, and when the token is no longer valid.
    """
    following = Tail(connection, route=route, lines=lines)
    return StreamingResponse(_stream(request, following), media_type="application/x-ndjson")


async def _stream(request: Request, following: Tail) -> AsyncIterator[bytes]:
    parts = parts_of(request)
    while not parts.is_ending() and not await request.is_disconnected():
        try:
            parts.access.principal(request)
            steps = await run_in_threadpool(_steps, parts, following)
        except (NotSignedIn, StoreError):
            return
        yield "".join(json.dumps(step_json(step)) + "\n" for step in steps).encode() or b"\n"
        # In small steps, so that the end of the process is not held up.
        for _ in range(_STEPS):
            if parts.is_ending():
                return
            await asyncio.sleep(_POLL_SECONDS / _STEPS)


def _steps(parts: Parts, following: Tail) -> list[Step]:
    with parts.engine.connect() as connection:
        return following.steps(connection)
