"""Which leads have been kept for long enough, by the retention of their routes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass
from datetime import timedelta

from leadgateway.route.snapshot import Retention, RouteKey
from leadgateway.route.table import RouteTable
from leadgateway.store.breaker import remove_openings
from leadgateway.store.connection import Engine
from leadgateway.store.retention import Ends, Part, ends, mark_ended, remove
from leadgateway_worker import metrics

_BATCH = 500
_MARKED_AT_ONCE = 1000
_OPENINGS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Removal:
    """What of a route's leads is due to be removed: everything that ended longer ago than `older_than`."""

    route: RouteKey
    part: Part
    older_than: timedelta


def due_removals(found: Ends, retention_of: Callable[[RouteKey], Retention | None]) -> Iterator[Removal]:
    """Say what is due, contents before records.

    Args:
        found: When the oldest leads of each route ended.
        retention_of: How long a route's leads are kept; None: nobody knows at the moment, so nothing is removed.
    """
    for route in found.routes:
        retention = retention_of(route.route)
        if retention is None:
            continue
        if route.contents is not None and route.contents <= found.now - retention.payload:
            yield Removal(route.route, "contents", retention.payload)
        # A lead whose contents go now may have been kept for as long as records are
        first_end = min(filter(None, (route.contents, route.records)))
        if first_end <= found.now - retention.records:
            yield Removal(route.route, "records", retention.records)


def retention_of(route: RouteKey, table: RouteTable, faults: Sized, *, deleted: Retention) -> Retention | None:
    """Say how long the leads of a route are kept; None if that can't be told.

    A route that runs says so itself. One that isn't there counts as deleted only if the configuration is whole: a
    route that is broken, pending or on a shard that is not mounted keeps everything.

    Args:
        route: The route.
        table: The routes that run.
        faults: The mounted folders that can't be used as they are.
        deleted: How long the leads of deleted routes are kept.
    """
    running = table.by_key.get(route)
    if running is not None:
        return running.retention
    is_whole = table.is_loaded and not len(faults)
    return deleted if is_whole and route not in table.pending and route not in table.broken else None


def apply_retention(
    engine: Engine, retention_of: Callable[[RouteKey], Retention | None], *, batch: int = _BATCH
) -> Iterator[None]:
    """Remove what is due; yields after each transaction, so that the caller can rest or stop.

    Ends early where another worker is removing.

    Args:
        engine: Of the store.
        retention_of: See `due_removals`.
        batch: Leads in one transaction at the most.
    """
    marked = _MARKED_AT_ONCE
    while marked >= _MARKED_AT_ONCE:
        with engine.connect() as connection:
            marked = mark_ended(connection, limit=_MARKED_AT_ONCE)
        yield
    with engine.connect() as connection:
        found = ends(connection)
    for removal in due_removals(found, retention_of):
        removed = batch
        while removed >= batch:
            with engine.connect() as connection:
                outcome = remove(
                    connection, removal.part, route=removal.route, older_than=removal.older_than, limit=batch
                )
            if outcome is None:
                return
            removed = outcome
            metrics.retention.labels(removal.part).inc(removed)
            yield


def old_openings(engine: Engine, *, older_than: timedelta) -> Iterator[None]:
    """Remove when breakers were open, if that is long ago; yields after each transaction.

    Args:
        engine: Of the store.
        older_than: How long ago they must have closed.
    """
    removed = _OPENINGS_AT_ONCE
    while removed >= _OPENINGS_AT_ONCE:
        with engine.connect() as connection:
            removed = remove_openings(connection, older_than=older_than, limit=_OPENINGS_AT_ONCE)
        yield
