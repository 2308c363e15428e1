"""What kopf's indexes hold, less what is known to be gone.

kopf lists anew when a watch can't be continued, but nothing tells it of an object that was deleted in between: its
index would keep it for ever. So everything is compared with the API server now and then. The same comparison says when
the first lists are complete, even if they are empty.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any

import kopf

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
        self._routes: kopf.Index[str, ObservedRoute] | None = None
        self._revisions: kopf.Index[str, ObservedRevision | None] | None = None
        self._secrets: kopf.Index[str, ObservedSecret] | None = None
        self._gone: set[str] = set()

    def attach(
        self,
        *,
        routes: kopf.Index[str, ObservedRoute],
        revisions: kopf.Index[str, ObservedRevision | None],
        secrets: kopf.Index[str, ObservedSecret],
    ) -> None:
        """Take the indexes that kopf fills."""
        self._routes, self._revisions, self._secrets = routes, revisions, secrets

    def observed(self) -> Observed:
        """Take a picture of everything."""
        return Observed(
            routes=tuple(self._values(self._routes)),
            revisions=tuple(revision for revision in self._values(self._revisions) if revision is not None),
            secrets=tuple(self._values(self._secrets)),
        )

    def route(self, uid: str) -> ObservedRoute | None:
        """Look one LeadRoute up."""
        if self._routes is None or uid in self._gone or uid not in self._routes:
            return None
        return next(iter(self._routes[uid]), None)

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
        self._gone = set(gone)
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
        return {uid for index in (self._routes, self._revisions, self._secrets) if index is not None for uid in index}

    def _values(self, index: Any) -> Iterator[Any]:
        if index is None:
            return
        for uid in index:
            if uid not in self._gone:
                yield from index[uid]
