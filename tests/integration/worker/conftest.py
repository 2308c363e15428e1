"""What most tests of the worker stand on: a database with leads in it, and a customer that takes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.building.customer import Customer
from tests.building.pump import Leads, leads_in


@pytest.fixture
def leads(database_url: str) -> Iterator[Leads]:
    with leads_in(database_url) as found:
        yield found


@pytest.fixture
def customer() -> Iterator[Customer]:
    with Customer() as running:
        yield running
