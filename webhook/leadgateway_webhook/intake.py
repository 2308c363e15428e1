"""A post, from its head to its answer: the order of the checks, and what is stored.

Each check costs more than the one before it, so that a flood of posts that must be refused stays cheap: route, rate
limit, size and type, shared secret, JSON. Only then a lead is stored, and only after its commit the source hears 200.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Protocol
from uuid import UUID

import structlog
from starlette.types import Receive, Scope, Send

from leadgateway.route.snapshot import RouteSnapshot
from leadgateway.route.table import NotLoaded, RouteTable, Unknown
from leadgateway.store.intake import Answer as Verdict
from leadgateway.store.intake import Duplicate, KeyReused, NewLead, Refused
from leadgateway_webhook import answers
from leadgateway_webhook.access_log import AccessLog
from leadgateway_webhook.admission import admit, authenticate_head
from leadgateway_webhook.answers import Answer
from leadgateway_webhook.aside import Aside
from leadgateway_webhook.body import ClientGone, MemoryBudget, Share, read_body
from leadgateway_webhook.defect import describe
from leadgateway_webhook.errors import (
    Defect,
    IdempotencyKeyReused,
    MethodNotAllowed,
    Overloaded,
    Refusal,
    RouteNotFound,
    RouteNotLoaded,
)
from leadgateway_webhook.head import check_representation, correlation_id, read_headers
from leadgateway_webhook.metrics import NO_ROUTE, Metrics, Outcome, outcome_of
from leadgateway_webhook.rate_limit import RateLimiter
from leadgateway_webhook.refusal_log import RefusalLog
from leadgateway_webhook.spans import NO_SPANS, PostSpans, Told
from leadgateway_webhook.writer import BatchWriter

PREFIX = "/webhooks/leads"
"""Below it the path of a route; without one the default route."""
LARGE_BODY_BYTES = 64 * 1024
"""Far beyond any form. Larger bodies are read beside the loop."""

_log = structlog.get_logger(__name__)
_CLOSE = (b"connection", b"close")


class Routes(Protocol):
    """Where the current routes are, see `leadgateway.route.watcher.RouteTableWatcher`."""

    @property
    def table(self) -> RouteTable:
        """The routes as loaded last."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a webhook takes.

    Attributes:
        max_body_bytes: The largest body.
        max_held_bytes: The most bytes of bodies in memory at a time.
        key_lifetime: How long an Idempotency-Key is remembered.
        patience_seconds: How long a large body may wait until it is read.
    """

    max_body_bytes: int
    max_held_bytes: int
    key_lifetime: timedelta
    patience_seconds: float


@dataclass(slots=True)
class Post:
    """What is known of a post while it is worked on."""

    method: str
    path: str
    headers: Mapping[bytes, bytes]
    correlation_id: UUID
    route: RouteSnapshot | None = None
    is_body_read: bool = False
    lead_id: int | None = None
    refusal: str | None = None
    began: float = field(default_factory=time.perf_counter)

    @classmethod
    def of(cls, scope: Scope) -> Post:
        """From an ASGI scope."""
        headers = read_headers(scope["headers"])
        return cls(scope["method"], scope["path"], headers, correlation_id(headers))

    @property
    def route_label(self) -> str:
        """The route for metrics and logs; never what a source made up."""
        return NO_ROUTE if self.route is None else self.route.key


def route_segment(path: str) -> str | None:
    """The route's path in a request path at or below `PREFIX`, None for the default route, with or without last slash.

    Raises:
        RouteNotFound: It is no single segment, so no route can have it.
    """
    rest = path[len(PREFIX) :]
    if rest in ("", "/"):
        return None
    segment = rest[1:].removesuffix("/")
    if not segment or "/" in segment:
        raise RouteNotFound
    return segment


class Intake:
    """The ASGI application that takes leads, for paths at and below `PREFIX`."""

    def __init__(
        self,
        routes: Routes,
        writer: BatchWriter[NewLead, Verdict],
        limiter: RateLimiter,
        *,
        policy: Policy,
        metrics: Metrics,
        access_log: AccessLog,
        spans: PostSpans = NO_SPANS,
    ) -> None:
        """Put the parts together.

        Args:
            routes: The route table.
            writer: Stores leads.
            limiter: Counts posts of limited routes.
            policy: What is taken.
            metrics: Where posts are counted.
            access_log: Told of every answer.
            spans: Records a span for each post.
        """
        self._routes = routes
        self._writer = writer
        self._limiter = limiter
        self._policy = policy
        self._metrics = metrics
        self.budget = MemoryBudget(policy.max_held_bytes)
        self._refusals = RefusalLog()
        self._aside = Aside("large-bodies")
        self._access_log = access_log
        self._spans = spans

    def close(self) -> None:
        """Let go of what waits; called when no post is being answered any more."""
        self._aside.close()
        self._access_log.flush()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one post."""
        post = Post.of(scope)
        span = self._spans.begin(post.method, post.headers)
        post.headers = span.carry(post.headers)
        try:
            outcome, answer = await self._answer(post, receive)
        except ClientGone:
            self._metrics.disconnected()
            span.gone(_told(post))
            return
        route, seconds = post.route_label, time.perf_counter() - post.began
        self._metrics.answered(route, outcome, seconds)
        self._access_log.note(
            route, post.correlation_id, status=answer.status, outcome=outcome, seconds=seconds, trace=span.ids
        )
        span.answered(_told(post), status=answer.status, outcome=outcome)
        await answer.send(send)

    async def _answer(self, post: Post, receive: Receive) -> tuple[Outcome, Answer]:
        try:
            return self._stored(post, await self._take(post, receive))
        except Refusal as refusal:
            return self._refused(post, refusal)
        except ClientGone:
            raise
        except asyncio.CancelledError:
            # The grace period of the process is over, and this post still waits: its task ends here either way.
            return self._refused(post, Overloaded())
        except Exception as error:
            _log.error("post.defect", **_names(post), **describe(error))
            return self._refused(post, Defect())

    async def _take(self, post: Post, receive: Receive) -> Verdict:
        """Check a post and store its lead. Raises a Refusal by cause."""
        if post.method != "POST":
            raise MethodNotAllowed
        route = post.route = self._find(post.path)
        if route.intake.requests_per_minute is not None:
            await self._limiter.admit(route.key, route.intake.requests_per_minute)
        check_representation(post.headers, self._policy.max_body_bytes)
        is_known = authenticate_head(route, post.headers)
        with Share(self.budget) as share:
            body = await read_body(receive, limit=self._policy.max_body_bytes, share=share)
            post.is_body_read = True
            lead = await self._admitted(post, route, body, is_known=is_known)
            return await self._writer.write(lead, len(body))

    def _find(self, path: str) -> RouteSnapshot:
        found = self._routes.table.find(route_segment(path))
        if isinstance(found, Unknown):
            raise RouteNotFound
        if isinstance(found, NotLoaded):
            raise RouteNotLoaded
        return found

    async def _admitted(self, post: Post, route: RouteSnapshot, body: bytes, *, is_known: bool) -> NewLead:
        work = partial(
            admit,
            route,
            body,
            post.headers,
            correlation_id=post.correlation_id,
            is_known=is_known,
            key_lifetime=self._policy.key_lifetime,
        )
        if len(body) <= LARGE_BODY_BYTES:
            return work()
        # A large body made for it takes a tenth of a second to read: many must not keep the others waiting.
        try:
            return await self._aside.run(work, patience=self._policy.patience_seconds)
        except TimeoutError:
            raise Overloaded from None

    def _stored(self, post: Post, result: Verdict) -> tuple[Outcome, Answer]:
        if isinstance(result, KeyReused):
            raise IdempotencyKeyReused
        if isinstance(result, Refused):
            _log.error("post.row_refused", **_names(post), error=str(result.error))
            raise Defect
        post.lead_id = result.lead_id
        outcome: Outcome = "duplicate" if isinstance(result, Duplicate) else "accepted"
        request_id = str(post.correlation_id)
        first_id = str(result.correlation_id)
        return outcome, answers.stored(outcome, result.lead_id, first_id, request_id=request_id)

    def _refused(self, post: Post, refusal: Refusal) -> tuple[Outcome, Answer]:
        post.refusal = refusal.code
        self._metrics.refused(refusal.code)
        self._refusals.note(code=refusal.code, **_names(post))
        answer = answers.refused(refusal, post.correlation_id)
        if not post.is_body_read and b"expect" in post.headers:
            # The source waits for a 100 that never comes; were the connection kept, its next request could be
            # taken for the body of this one (RFC 9110 section 10.1.1).
            answer.headers.append(_CLOSE)
        return outcome_of(refusal), answer


def _names(post: Post) -> dict[str, str]:
    return {"route": post.route_label, "correlation_id": str(post.correlation_id)}


def _told(post: Post) -> Told:
    return Told(post.method, post.route, post.correlation_id, post.lead_id, post.refusal)
