"""Makes leads findable soon after they were stored, in a thread of its own; see `store.search_index`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

from leadgateway.store.connection import Engine
from leadgateway.store.search_index import index_missed, index_new, index_old
from leadgateway_worker import metrics

INTERVAL_SECONDS = 1.0
"""Between two looks for what is new. Whoever searches looks too, so this only keeps them from having much to do."""

_MISSED_SECONDS = 30.0
_BATCH = 500
_BREATH_SECONDS = 0.001
"""Nobody waits for the index, but a batch at one go, once a second, holds posts and deliveries up for milliseconds: one
in a hundred of them."""

Step: TypeAlias = Callable[..., int]


class Indexing:
    """A chore: what is new first, then now and then what was missed, then what was there before the index."""

    def __init__(self, *, batch: int = _BATCH, missed_seconds: float = _MISSED_SECONDS) -> None:
        """Index in batches.

        Args:
            batch: Leads of one transaction at the most.
            missed_seconds: Time between two looks for what was missed.
        """
        self._batch = batch
        self._missed_seconds = missed_seconds
        self._look_for_missed_at = 0.0

    def __call__(self, engine: Engine) -> Iterator[None]:
        """Index until there is nothing left; yields after each batch."""
        yield from self._all(index_new, engine)
        if time.monotonic() >= self._look_for_missed_at:
            yield from self._all(index_missed, engine)
            self._look_for_missed_at = time.monotonic() + self._missed_seconds
        while self._one(index_old, engine):
            yield
            yield from self._all(index_new, engine)

    def _all(self, step: Step, engine: Engine) -> Iterator[None]:
        while self._one(step, engine) >= self._batch:
            yield

    def _one(self, step: Step, engine: Engine) -> int:
        with engine.connect() as connection:
            indexed = step(connection, limit=self._batch, breathe=_breathe)
        metrics.indexed.inc(indexed)
        return indexed


def _breathe() -> None:
    time.sleep(_BREATH_SECONDS)
