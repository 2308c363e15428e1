"""Webhook and worker tell the state of their configuration alike."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from leadgateway.route.table import Pending, RouteTable
from leadgateway.telemetry.catalogue.shared import WEBHOOK_ROUTE_TABLE, WORKER_ROUTE_TABLE, RouteTableMetrics
from leadgateway.telemetry.route_state import RouteMetrics, route_details, table_number
from tests.building.snapshots import a_route

ROUTE = a_route()
TABLE = RouteTable(
    by_key={ROUTE.key: ROUTE},
    pending={"default/new": Pending("new", default=False, reason="no credentials")},
    broken={"default/solar": "no such pattern", "default/wind": "no such pattern"},
)
FAULTS = {"routes-1": "no manifest"}


@pytest.mark.parametrize(("role", "metrics"), [("webhook", WEBHOOK_ROUTE_TABLE), ("worker", WORKER_ROUTE_TABLE)])
def test_the_state_of_the_configuration_is_read_when_it_is_scraped(role: str, metrics: RouteTableMetrics) -> None:
    registry = CollectorRegistry()
    tables = [RouteTable()]
    RouteMetrics(metrics, registry).observe(lambda: tables[-1], lambda: FAULTS)

    tables.append(TABLE)

    states = ("running", "pending", "broken")
    counts = [registry.get_sample_value(f"leadgateway_{role}_routes", {"state": state}) for state in states]
    assert counts == [1, 1, 2]
    assert registry.get_sample_value(f"leadgateway_{role}_config_faults") == 1


def test_health_tells_people_what_runs_and_what_does_not() -> None:
    assert route_details(TABLE, FAULTS) == {"routes": "1", "broken_routes": "2", "config": "faulty"}
    assert route_details(TABLE, {})["config"] == "ok"


def test_the_hash_and_the_time_of_the_table_change_when_it_is_replaced() -> None:
    registry = CollectorRegistry()
    metrics = RouteMetrics(WORKER_ROUTE_TABLE, registry)
    began = time.time()

    metrics.swapped(TABLE)

    assert registry.get_sample_value("leadgateway_worker_route_table_hash") == table_number(TABLE) > 0
    loaded = registry.get_sample_value("leadgateway_worker_route_table_loaded_timestamp_seconds")
    assert loaded is not None
    assert began <= loaded <= time.time()


def test_tables_that_run_the_same_have_the_same_hash_and_others_have_not() -> None:
    other = replace(ROUTE, config_hash="another")

    assert table_number(TABLE) == table_number(RouteTable(by_key={ROUTE.key: ROUTE}))
    assert len({table_number(RouteTable()), table_number(TABLE), table_number(RouteTable({other.key: other}))}) == 3
    assert table_number(TABLE) < 2**53
