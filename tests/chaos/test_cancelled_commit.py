"""A commit that waits for a synchronous standby and is cancelled is on one server alone: it counts for nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.settings import DatabaseSettings
from leadgateway.store.errors import StoreUnavailable
from leadgateway.store.intake import Answer, NewLead, store_batch
from leadgateway.store.migrations import migrate
from tests.building.stored_leads import store_engine
from tests.building.waiting import eventually
from tests.chaos.replication import SETTINGS, start_standby, superuser_url

WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'"


@pytest.fixture
def lone_primary(server_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A primary whose synchronous standby is gone."""
    with EmbeddedPostgres(server_folder / "primary", durable=False, settings=SETTINGS) as primary:
        migrate(DatabaseSettings(DATABASE_URL=primary.url))
        start_standby(primary, server_folder / "standby").stop()
        yield primary


def cancel_what_waits(primary: EmbeddedPostgres) -> None:
    """Do what an administrator does who sees a session hang."""
    with closing(psycopg2.connect(superuser_url(primary))) as connection, connection.cursor() as cursor:
        connection.autocommit = True

        def waiting() -> list[tuple[int]]:
            cursor.execute(WAITING)
            return cursor.fetchall()

        for (pid,) in eventually(waiting, within=30, what="a commit that waits for the standby"):
            cursor.execute("SELECT pg_cancel_backend(%s)", (pid,))


@pytest.mark.parametrize("deduplicated", [{}, {"dedup_key": b"a key", "dedup_window": timedelta(hours=1)}])
def test_a_lead_is_not_accepted_that_its_standby_does_not_have(
    lone_primary: EmbeddedPostgres, deduplicated: dict[str, Any]
) -> None:
    lead = NewLead("default/solar", uuid4(), b"{}", {}, "hash", **deduplicated)
    answers: list[Answer] = []

    def store() -> None:
        with suppress(StoreUnavailable), store_engine(lone_primary.url).connect() as connection:
            answers.extend(store_batch(connection, [lead]))

    storing = threading.Thread(target=store)
    storing.start()
    cancel_what_waits(lone_primary)
    storing.join(30)

    assert not storing.is_alive()
    assert answers == []
