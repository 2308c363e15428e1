"""What kopf does here: it watches LeadRoutes, their ControllerRevisions and labelled Secrets, and calls back.

Only event handlers, which keep an index of our own (see `view`): change handlers would copy specs into annotations, and
timers, daemons and deletion handlers would add finalizers, without which a LeadRoute can be deleted while the operator
is away.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import kopf

from leadgateway.route.model import GROUP, VERSION
from leadgateway_operator import resources
from leadgateway_operator.cluster import log_in
from leadgateway_operator.observed import (
    ObservedRoute,
    observe_revision,
    observe_route,
    observe_secret,
)
from leadgateway_operator.reconciler import Reconciler
from leadgateway_operator.reporter import Reporter
from leadgateway_operator.storage import NoDiffBase, NoProgress
from leadgateway_operator.view import View

_ROUTES = (GROUP, VERSION, resources.PLURAL)
_REVISIONS = ("apps", "v1", "controllerrevisions")
_SECRETS = ("", "v1", "secrets")
_LOGIN_PAUSE = 1.0
_LIFETIME = timedelta(days=365)
_BACKOFFS = (0.5, 1.0, *[2.0] * 30)
"""Seconds between a watch's attempts, a minute in all. kopf's own grow to 21, which is long to see nothing after the
API server is back."""


def register(registry: kopf.OperatorRegistry, *, view: View, reconciler: Reconciler, reporter: Reporter) -> None:
    """Have kopf keep the view, and wake the reconciler for whatever is news."""
    _register_login(registry)
    _register_events(registry, view, reconciler, reporter)
    _register_dependencies(registry, view, reconciler)


def configure(settings: kopf.OperatorSettings) -> None:
    """Set kopf up for watching alone."""
    settings.posting.enabled = False
    settings.persistence.progress_storage = NoProgress()
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.peering.standalone = True
    # Neither CRDs nor namespaces are watched: that needs rights in the whole cluster, for nothing that is used.
    settings.scanning.disabled = True
    settings.networking.connect_timeout = 10
    settings.networking.request_timeout = 60
    settings.networking.error_backoffs = _BACKOFFS
    settings.watching.connect_timeout = 60
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 301
    settings.watching.inactivity_timeout = 70
    settings.watching.chunk_size = 500
    settings.watching.label_selectors[_REVISIONS] = resources.REVISION_SELECTOR
    settings.watching.label_selectors[_SECRETS] = resources.CREDENTIALS_SELECTOR
    settings.process.ultimate_exiting_timeout = 30


def _register_login(registry: kopf.OperatorRegistry) -> None:
    attempts = count()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        number = next(attempts)
        if number:
            await asyncio.sleep(_LOGIN_PAUSE)
        info = await log_in()
        # kopf gives up on credentials that were refused once, although an API server that has just started refuses good
        # ones for a moment. A differing expiry makes them new ones.
        return replace(info, expiration=datetime.now(UTC) + _LIFETIME + timedelta(seconds=number))


def _register_events(registry: kopf.OperatorRegistry, view: View, reconciler: Reconciler, reporter: Reporter) -> None:
    @kopf.on.event(*_ROUTES, registry=registry)
    async def route_changed(event: kopf.RawEvent, body: kopf.Body, uid: str, **_: Any) -> None:
        _note_relist(event, reconciler)
        if event["type"] == "DELETED":
            view.forget(uid)
            reconciler.wake()
            return
        view.saw_route(observe_route(body))
        route = view.route(uid)
        standing = reconciler.plan.standings.get(uid)
        if route is None or standing is None or _is_news(route, standing.route):
            reconciler.wake()
        elif not reporter.was_written(route):
            reporter.look_again()


def _register_dependencies(registry: kopf.OperatorRegistry, view: View, reconciler: Reconciler) -> None:
    @kopf.on.event(*_REVISIONS, registry=registry)
    async def revision_changed(event: kopf.RawEvent, body: kopf.Body, uid: str, **_: Any) -> None:
        _note_relist(event, reconciler)
        if event["type"] == "DELETED":
            view.forget(uid)
        else:
            view.saw_revision(uid, observe_revision(body))
        reconciler.wake()

    @kopf.on.event(*_SECRETS, registry=registry)
    async def secret_changed(event: kopf.RawEvent, body: kopf.Body, uid: str, **_: Any) -> None:
        _note_relist(event, reconciler)
        if event["type"] == "DELETED":
            view.forget(uid)
        else:
            view.saw_secret(observe_secret(body))
        reconciler.wake()


def _note_relist(event: kopf.RawEvent, reconciler: Reconciler) -> None:
    """What a list shows carries no type: a watch has begun anew, and may have missed deletions."""
    if event["type"] is None:
        reconciler.suspect()


def _is_news(now: ObservedRoute, before: ObservedRoute) -> bool:
    return (now.generation, now.deleting) != (before.generation, before.deleting)
