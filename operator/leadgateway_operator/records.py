"""Keeps the last accepted spec of each LeadRoute in a ControllerRevision that it owns, which goes with it.

A rejected edit, a restart or lost shards can then never end what runs: a rebuild reads LeadRoutes and these.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace

from leadgateway.route.model import API_VERSION, KIND
from leadgateway_operator import resources
from leadgateway_operator.cluster import AlreadyExists, Body, Cluster, ClusterError, Forbidden, Invalid, NotFound
from leadgateway_operator.observed import Observed, ObservedRevision, ObservedRoute
from leadgateway_operator.spec_text import read_spec

_AT_ONCE = 12

_log = logging.getLogger(__name__)


class Records:
    """Writes and removes ControllerRevisions."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._written: dict[str, ObservedRevision] = {}

    def complete(self, observed: Observed) -> Observed:
        """Add what was written and not seen yet, so that nobody takes a path in between."""
        seen = {(revision.owner, revision.generation) for revision in observed.revisions}
        alive = {route.uid for route in observed.routes}
        self._written = {
            owner: revision
            for owner, revision in self._written.items()
            if owner in alive and (owner, revision.generation) not in seen
        }
        return replace(observed, revisions=(*observed.revisions, *self._written.values()))

    async def write(self, routes: Iterable[ObservedRoute]) -> dict[str, str]:
        """Keep the current specs of LeadRoutes.

        Returns:
            By UID, why the API server would not keep one, which has no bearing on the others.

        Raises:
            ClusterError: The API server could not be reached.
        """
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(route: ObservedRoute) -> str | None:
            async with gate:
                return await self._write(route)

        asked = tuple(routes)
        answers = await asyncio.gather(*map(one, asked))
        return {route.uid: answer for route, answer in zip(asked, answers, strict=True) if answer is not None}

    async def remove(self, revisions: Iterable[ObservedRevision]) -> None:
        """Remove those that newer ones replace; one that can't be removed now is left for the next rebuild."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(revision: ObservedRevision) -> None:
            async with gate:
                try:
                    await self._cluster.delete(resources.revisions(revision.namespace, revision.name))
                except ClusterError as error:
                    _log.info("the ControllerRevision %s/%s stays: %s", revision.namespace, revision.name, error)

        await asyncio.gather(*map(one, revisions))

    async def _write(self, route: ObservedRoute) -> str | None:
        revision = revision_of(route)
        try:
            await self._cluster.create(resources.revisions(route.namespace), revision_body(route, revision.name))
        except AlreadyExists:
            pass  # written by an earlier rebuild, or by another operator: the name says for which generation
        except (Forbidden, Invalid, NotFound) as error:
            return str(error)
        self._written[route.uid] = revision
        return None


def revision_of(route: ObservedRoute) -> ObservedRevision:
    """Describe the ControllerRevision of a LeadRoute's current spec."""
    name = f"{route.name}.{route.uid[:8]}.{route.generation}"
    return ObservedRevision("", route.namespace, name, route.uid, route.generation, route.spec)


def revision_body(route: ObservedRoute, name: str) -> Body:
    """Build the ControllerRevision of a LeadRoute's current spec."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "namespace": route.namespace,
            "labels": {resources.REVISION_LABEL: "true"},
            # Without blockOwnerDeletion: deleting a LeadRoute waits for nothing.
            "ownerReferences": [
                {"apiVersion": API_VERSION, "kind": KIND, "name": route.name, "uid": route.uid, "controller": True}
            ],
        },
        "revision": route.generation,
        "data": {"spec": read_spec(route.spec)},
    }
