"""One of many processes does what is to be done once."""

from __future__ import annotations

import pytest

from leadgateway.store.election import elect
from tests.building.pump import engine_of
from tests.building.waiting import eventually


def test_an_office_is_held_by_one_until_its_connection_ends(database_url: str) -> None:
    first, second = engine_of(database_url, connections=1), engine_of(database_url, connections=1)
    with first.connect() as holder, second.connect() as other:
        assert elect(holder, "backlog")
        assert not elect(other, "backlog")

        holder.invalidate()

        eventually(lambda: elect(other, "backlog"), what="the server's notice that the connection has ended")
        other.invalidate()
    first.dispose()
    second.dispose()


@pytest.mark.parametrize("office", ["another", "backlog of"])
def test_offices_are_independent_of_each_other(database_url: str, office: str) -> None:
    engine = engine_of(database_url, connections=2)
    with engine.connect() as one, engine.connect() as other:
        assert elect(one, "backlog")
        assert elect(other, office)
    engine.dispose()
