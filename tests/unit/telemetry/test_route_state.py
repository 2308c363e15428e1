"""Webhook and worker tell the state of their configuration alike."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from leadgateway.route.table import Pending, RouteTable
from leadgateway.telemetry.route_state import RouteMetrics, route_details
from tests.building.snapshots import a_route

ROUTE = a_route()
TABLE = RouteTable(
    by_key={ROUTE.key: ROUTE},
    pending={"default/new": Pending("new", default=False, reason="no credentials")},
    broken={"default/solar": "no such pattern", "default/wind": "no such pattern"},
)
FAULTS = {"routes-1": "no manifest"}


@pytest.mark.parametrize("role", ["webhook", "worker"])
def test_the_state_of_the_configuration_is_read_when_it_is_scraped(role: str) -> None:
    registry = CollectorRegistry()
    tables = [RouteTable()]
    RouteMetrics(role, registry).observe(lambda: tables[-1], lambda: FAULTS)

    tables.append(TABLE)

    states = ("running", "pending", "broken")
    counts = [registry.get_sample_value(f"leadgateway_{role}_routes", {"state": state}) for state in states]
    assert counts == [1, 1, 2]
    assert registry.get_sample_value(f"leadgateway_{role}_config_faults") == 1


def test_health_tells_people_what_runs_and_what_does_not() -> None:
    assert route_details(TABLE, FAULTS) == {"routes": "1", "broken_routes": "2", "config": "faulty"}
    assert route_details(TABLE, {})["config"] == "ok"
