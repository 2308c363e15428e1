"""One Prometheus for all tests, a gateway under traffic, its console, and an operator at a real API server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.building.console import ConsoleProcess, Person
from tests.observe.rig.acceleration import accelerated
from tests.observe.rig.gateway import Gateway, leads_of_every_kind, running_gateway
from tests.observe.rig.prometheus import Prometheus, program
from tests.operator.rig.cluster import open_cluster
from tests.operator.rig.gateway import Gateway as OperatorsGateway
from tests.operator.rig.operator_process import OperatorProcess
from tests.operator.rig.programs import NoControlPlane

FACTOR = 30
"""How much quicker the alerts are: a minute becomes two seconds."""
NAMESPACE = "well"


@dataclass
class World:
    """Everything that runs."""

    prometheus: Prometheus
    gateway: Gateway
    console: ConsoleProcess
    operator: OperatorProcess


@pytest.fixture(scope="session")
def operators_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorsGateway]:
    """An operator with a LeadRoute that is accepted and one that is not, and stand-ins for the pods."""
    folder = tmp_path_factory.mktemp("operator")
    try:
        with open_cluster(os.environ, folder) as cluster:
            made = OperatorsGateway(cluster, folder)
            try:
                yield made
            finally:
                made.close()
    except NoControlPlane as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def world(session_folder: Path, operators_gateway: OperatorsGateway) -> Iterator[World]:
    """Start it once: all tests only ask."""
    program("prometheus")
    with ExitStack() as opened:
        gateway = opened.enter_context(running_gateway(session_folder / NAMESPACE, leads_of_every_kind))
        database, routes = gateway.postgres.url, gateway.routes
        console = opened.enter_context(ConsoleProcess(routes, database=database)).until_ready()
        with Person(console) as somebody:
            somebody.get("/routes")
        operator = operators_gateway.start_operator()
        operators_gateway.start_pods()
        operators_gateway.apply("solar")
        operators_gateway.apply("taken", path="solar")
        addresses = [*gateway.addresses(), urlsplit(console.status).netloc]
        targets = {NAMESPACE: addresses, "operator": [f"127.0.0.1:{operator.status_port}"]}
        prometheus = opened.enter_context(Prometheus(session_folder / "prometheus", targets, accelerated(FACTOR)))
        yield World(prometheus, gateway, console, operator)
