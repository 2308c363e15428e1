"""Carries out what people do to many leads at once, a few at a time; see `store.bulk`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from leadgateway.store.bulk import advance
from leadgateway.store.connection import Engine


def bulk_actions(engine: Engine, *, progressed: Callable[[], None]) -> Iterator[None]:
    """A chore: until no act is running that this worker could do something for.

    Args:
        engine: Of the store.
        progressed: Called when leads may have become due.
    """
    while True:
        with engine.connect() as connection:
            if not advance(connection):
                return
        progressed()
        yield
