"""Four things that go wrong, each in a gateway of its own: the alert that is meant for it fires, and no other.

The rules are quicker by a factor. What the gateway itself waits for is not: a breaker opens after 20 attempts whatever
the time, so posts come often enough for it to be as early as it is where there are minutes of patience.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from leadgateway.route.directory import publish
from leadgateway.route.shard import PublishedRoute, render
from leadgateway.route.snapshot import Credentials
from observability.dashboards import PAGES
from observability.dashboards.panel import Query
from tests.building.customer import Drop
from tests.building.routes import FINGERPRINT_KEY
from tests.building.waiting import eventually
from tests.observe.conftest import FACTOR
from tests.observe.rig.acceleration import accelerated
from tests.observe.rig.gateway import Gateway, good_leads, running_gateway
from tests.observe.rig.prometheus import Prometheus

pytestmark = pytest.mark.timeout(600)

SETTLED_SECONDS = 45.0
"""Half again as long as the longest patience and window that rules have but for those of the objectives: 15 minutes."""


def dead_customer(gateway: Gateway) -> None:
    gateway.customer.answer_always(Drop())


def database_away(gateway: Gateway) -> None:
    gateway.postgres.stop()


def broken_route(gateway: Gateway) -> None:
    broken = PublishedRoute("default", "solar", {"mapping": "nonsense"}, Credentials())
    publish(gateway.routes, render([broken], count=2, fingerprint_key=FINGERPRINT_KEY))


def worker_gone(gateway: Gateway) -> None:
    os.kill(gateway.worker.pid, signal.SIGKILL)


FAULTS: dict[str, Callable[[Gateway], None]] = {
    "LeadGatewayBreakerOpen": dead_customer,
    "LeadGatewayDatabaseUnavailable": database_away,
    "LeadGatewayConfigurationBroken": broken_route,
    "LeadGatewayNoWorker": worker_gone,
}


@dataclass
class Ward:
    """Gateways that something is wrong with, and who watches them.

    Attributes:
        quiet: The alerts that fired for each before anything was wrong, by namespace.
        at: `time.monotonic()` when everything had gone wrong.
    """

    prometheus: Prometheus
    quiet: dict[str, set[str]]
    at: float


@pytest.fixture(scope="module")
def ward(session_folder: Path) -> Iterator[Ward]:
    """All faults at the same time, since each alert looks at one namespace, and nobody waits four times."""
    namespaces = {alert: fault.__name__ for alert, fault in FAULTS.items()}
    with ExitStack() as opened:
        gateways = {
            name: opened.enter_context(running_gateway(session_folder / name, good_leads))
            for name in namespaces.values()
        }
        targets = {name: gateway.addresses() for name, gateway in gateways.items()}
        folder = session_folder / "prometheus-of-faults"
        prometheus = opened.enter_context(Prometheus(folder, targets, accelerated(FACTOR)))
        for name in namespaces.values():
            _await_flow(prometheus, name)
        quiet = {name: _fired(prometheus, name) for name in namespaces.values()}
        for fault in FAULTS.values():
            fault(gateways[fault.__name__])
        yield Ward(prometheus, quiet, time.monotonic())


def _await_flow(prometheus: Prometheus, namespace: str) -> None:
    delivered = f'rate(leadgateway_leads_finished_total{{namespace="{namespace}",status="DELIVERED"}}[5s]) > 0'
    scheduled = f'leadgateway_worker_scheduler_active{{namespace="{namespace}"}} == 1'
    for expression in (delivered, scheduled):
        eventually(partial(prometheus.ask, expression), what=f"data of {expression}")


def _fired(prometheus: Prometheus, namespace: str) -> set[str]:
    """The alerts that fired at any time, be it for a moment."""
    history = f'count by (alertname) (count_over_time(ALERTS{{namespace="{namespace}",alertstate="firing"}}[1h]))'
    return {labels["alertname"] for labels, _ in prometheus.ask(history)}


@pytest.mark.parametrize(("alert", "fault"), FAULTS.items(), ids=lambda value: getattr(value, "__name__", value))
def test_the_alert_that_is_meant_for_a_fault_fires_and_no_other(
    ward: Ward, alert: str, fault: Callable[[Gateway], None]
) -> None:
    namespace = fault.__name__

    eventually(lambda: alert in ward.prometheus.firing(namespace), what=f"{alert} for {namespace}")
    eventually(lambda: time.monotonic() > ward.at + SETTLED_SECONDS, within=2 * SETTLED_SECONDS)

    assert ward.quiet[namespace] == set()
    assert _fired(ward.prometheus, namespace) == {alert}
    assert ward.prometheus.firing(namespace) == {alert}


BREAKERS = [
    query
    for page in PAGES
    for panel in page.panels()
    for query in panel.queries
    if query.absent and "leadgateway_breaker" in query.expression
]
"""What dashboards ask of breakers; there is none while all is well."""


@pytest.mark.parametrize("query", BREAKERS, ids=lambda query: query.expression)
def test_what_a_panel_asks_of_breakers_is_there_once_one_is_open(ward: Ward, query: Query) -> None:
    choices = {"$namespace": dead_customer.__name__, "$route": "default/solar", "$__rate_interval": "10s"}
    expression = query.expression
    for variable, value in choices.items():
        expression = expression.replace(variable, value)

    eventually(partial(ward.prometheus.ask, expression), what=f"data of {expression}")
