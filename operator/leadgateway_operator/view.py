"""What the watches have shown, less what is known to be gone.

The operator keeps its own index instead of kopf's: while kopf's are filled for the first time, every object waits for
all others and each one that is done wakes all of them, which takes minutes for some thousands.

kopf lists anew when a watch can't be continued, but nothing tells of an object that was deleted in between. So
everything is compared with the API server now and then. The same comparison says when the first lists are complete,
even if they are empty.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from leadgateway_operator import resources
from leadgateway_operator.cluster import Cluster
from leadgateway_operator.observed import Observed, ObservedRevision, ObservedRoute, ObservedSecret

_LOOK_SECONDS = 0.1
_LIST_AGAIN_SECONDS = 15.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison with the API server found.

    Attributes:
        gone: UIDs that are no more.
        unseen: UIDs that exist and have not been seen yet.
    """

    gone: frozenset[str]
    unseen: frozenset[str]


class View:
    """The objects that are watched, by UID."""

    def __init__(self, cluster: Cluster, *, namespaces: Iterable[str] = ()) -> None:
        """Look at some namespaces, or at all when none is named."""
        self._cluster = cluster
        self._namespaces: tuple[str | None, ...] = tuple(namespaces) or (None,)
        self._routes: dict[str, ObservedRoute] = {}
        self._revisions: dict[str, ObservedRevision | None] = {}
        self._secrets: dict[str, ObservedSecret] = {}
        self._deleted: frozenset[str] = frozenset()

    def saw_route(self, route: ObservedRoute) -> None:
        """Take in a LeadRoute as it is now."""
        if route.uid not in self._deleted:
            self._routes[route.uid] = route

    def saw_revision(self, uid: str, revision: ObservedRevision | None) -> None:
        """Take in a ControllerRevision; None: it is none of ours, but it was seen."""
        self._revisions[uid] = revision

    def saw_secret(self, secret: ObservedSecret) -> None:
        """Take in a labelled Secret as it is now."""
        self._secrets[secret.uid] = secret

    def forget(self, uid: str) -> None:
        """Leave out an object that was deleted, or that has lost its label."""
        for index in (self._routes, self._revisions, self._secrets):
            index.pop(uid, None)

    def observed(self) -> Observed:
        """Take a picture of everything."""
        return Observed(
            routes=tuple(self._routes.values()),
            revisions=tuple(revision for revision in self._revisions.values() if revision is not None),
            secrets=tuple(self._secrets.values()),
        )

    def route(self, uid: str) -> ObservedRoute | None:
        """Look one LeadRoute up."""
        return self._routes.get(uid)

    async def wait_until_complete(self) -> None:
        """Wait until everything that exists has been seen: nothing may be written before."""
        while True:
            unseen = (await self.compare()).unseen
            listed = monotonic()
            while unseen and monotonic() - listed < _LIST_AGAIN_SECONDS:
                await asyncio.sleep(_LOOK_SECONDS)
                unseen -= self._seen()
            if not unseen:
                return
            _log.info("still waiting for the first lists: %d objects have not been seen", len(unseen))

    async def compare(self) -> Comparison:
        """Compare with the API server and leave out what is gone from now on.

        Raises:
            ClusterError: The API server could not be asked.
        """
        # What was seen before a list began and is not in it has been deleted; what is seen later may be newer than it.
        before = self._seen()
        listed = {item["metadata"]["uid"] async for item in self._everything()}
        gone = frozenset(before - listed)
        # An event that was under way meanwhile must not bring a deleted LeadRoute back: its UID is never used again.
        # The others are listed by label, and one that has got its label back is rightly seen again.
        self._deleted = gone
        for uid in gone:
            self.forget(uid)
        return Comparison(gone, frozenset(listed - self._seen()))

    async def _everything(self) -> Any:
        for namespace in self._namespaces:
            for path, labels in (
                (resources.leadroutes(namespace), ""),
                (resources.revisions(namespace), resources.REVISION_SELECTOR),
                (resources.secrets(namespace), resources.CREDENTIALS_SELECTOR),
            ):
                async for item in self._cluster.list_metadata(path, labels=labels):
                    yield item

    def _seen(self) -> set[str]:
        return {*self._routes, *self._revisions, *self._secrets}
