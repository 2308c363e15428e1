"""Fixtures of the tests that need a Kubernetes API server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operator.rig.cluster import Cluster, open_cluster
from tests.operator.rig.gateway import Gateway
from tests.operator.rig.programs import NoControlPlane


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes minutes; leave it out with -m 'not slow'")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One API server for all tests of a process; its logs stay in pytest's temporary folder."""
    try:
        with open_cluster(os.environ, tmp_path_factory.mktemp("cluster")) as opened:
            yield opened
    except NoControlPlane as error:
        pytest.skip(str(error))


@pytest.fixture
def gateway(cluster: Cluster, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway in namespaces of its own; its operator's log stays in the test's temporary folder."""
    made = Gateway(cluster, tmp_path)
    try:
        yield made
    finally:
        made.close()
