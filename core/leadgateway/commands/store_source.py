"""Leads from the database itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from leadgateway.commands.exits import USAGE, fail
from leadgateway.commands.lead_story import as_json, content
from leadgateway.commands.servers import DATA_OPTION, connected, redis_settings
from leadgateway.commands.source import Export, LeadSource, Outcome, Proposal
from leadgateway.dev.home import DEFAULT
from leadgateway.json import JsonValue
from leadgateway.queue import Bell, connect
from leadgateway.store import bulk, people
from leadgateway.store.bulk import BulkAction, BulkKind, BulkWish, TooMany
from leadgateway.store.connection import Connection
from leadgateway.store.search import (
    LARGEST_PAGE,
    FoundLead,
    LeadFilter,
    Page,
    all_matching_ids,
    bodies_by_id,
    count_matching,
    is_backfilled,
    leads_by_id,
    search,
)
from leadgateway.store.search_index import catch_up
from leadgateway.store.statistics import InvalidPeriod, Statistics, statistics
from leadgateway.store.story import lead_story
from leadgateway.store.tail import Step, Tail

_POLL_SECONDS = 1.0


@contextmanager
def database(data: Annotated[Path, DATA_OPTION] = DEFAULT) -> Iterator[LeadSource]:
    """The database of the environment, or of a development stack; what the store raises ends the command."""
    with connected(data) as connection:
        yield StoreSource(connection, ring=lambda: _wake_workers(data))


class StoreSource:
    """Asks the database."""

    def __init__(self, connection: Connection, *, ring: Callable[[], None]) -> None:
        """Take a connection.

        Args:
            connection: In autocommit.
            ring: Called after leads became due.
        """
        self._connection = connection
        self._ring = ring

    def search(self, leads: LeadFilter, *, limit: int, before: int | None) -> Page:
        """See `LeadSource`."""
        return search(self._connection, leads, limit=limit, before=before)

    def export(self, leads: LeadFilter, *, bodies: bool) -> Export:
        """See `LeadSource`."""
        is_complete = catch_up(self._connection) and is_backfilled(self._connection)
        return Export(count_matching(self._connection, leads), is_complete, self._batches(leads, bodies=bodies))

    def _batches(self, leads: LeadFilter, *, bodies: bool) -> Iterator[list[tuple[FoundLead, JsonValue]]]:
        for lead_ids in all_matching_ids(self._connection, leads, batch=LARGEST_PAGE):
            contents = bodies_by_id(self._connection, lead_ids) if bodies else {}
            yield [(lead, content(contents.get(lead.lead_id))) for lead in leads_by_id(self._connection, lead_ids)]

    def story(self, lead_id: int) -> Mapping[str, Any] | None:
        """See `LeadSource`."""
        story = lead_story(self._connection, lead_id)
        return None if story is None else as_json(story)

    def follow(self, *, route: str | None, lines: int) -> Iterator[Sequence[Step]]:
        """See `LeadSource`."""
        following = Tail(self._connection, route=route, lines=lines)
        while True:
            yield following.steps(self._connection)
            time.sleep(_POLL_SECONDS)

    def statistics(
        self, *, received_from: datetime, received_before: datetime, bucket: timedelta, route: str | None
    ) -> Statistics:
        """See `LeadSource`."""
        try:
            return statistics(
                self._connection,
                received_from=received_from,
                received_before=received_before,
                bucket=bucket,
                route=route,
            )
        except InvalidPeriod as error:
            raise fail(str(error), USAGE) from None

    def act(self, lead_ids: Sequence[int], wish: BulkWish, *, person: str) -> Outcome:
        """See `LeadSource`."""
        acted = self._act(lead_ids, wish, person=person)
        self._ring()
        return Outcome(tuple(acted.done), {lead_id: str(refusal) for lead_id, refusal in acted.refused.items()})

    def _act(self, lead_ids: Sequence[int], wish: BulkWish, *, person: str) -> people.Acted:
        if wish.kind is BulkKind.REPLAY:
            return people.replay(self._connection, lead_ids, person=person, reason=wish.reason)
        if wish.kind is BulkKind.MOVE:
            return people.move(self._connection, lead_ids, route=str(wish.route), person=person, reason=wish.reason)
        return people.reject(self._connection, lead_ids, code=str(wish.code), person=person, reason=wish.reason)

    def propose(self, leads: LeadFilter, wish: BulkWish) -> Proposal:
        """See `LeadSource`. What was told is what is done: leads that come meanwhile are not meant."""
        try:
            lead_ids = bulk.meant(self._connection, leads, wish)
        except TooMany as error:
            raise fail(str(error), USAGE) from None

        def begin(person: str) -> BulkAction:
            action = bulk.begin(self._connection, lead_ids, wish, person=person)
            self._ring()
            return action

        return Proposal(len(lead_ids), begin)

    def bulk_action(self, action_id: int) -> BulkAction | None:
        """See `LeadSource`."""
        return bulk.bulk_action(self._connection, action_id)

    def bulk_actions(self) -> Sequence[BulkAction]:
        """See `LeadSource`."""
        return bulk.bulk_actions(self._connection)

    def cancel(self, action_id: int, *, person: str) -> BulkAction | None:
        """See `LeadSource`."""
        return bulk.cancel(self._connection, action_id, person=person)


def _wake_workers(data: Path) -> None:
    """Ring, so that workers look at once; where no Redis is named or reached, their own sweep finds it in seconds."""
    settings = redis_settings(data)
    if settings is not None:
        connection = connect(settings)
        try:
            Bell(connection).ring()
        finally:
            connection.close()
