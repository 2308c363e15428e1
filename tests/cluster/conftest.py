"""One gateway for all tests of a run, in real pods of whatever cluster KUBECONFIG names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.cluster.rig import image, volume
from tests.cluster.rig.command import available
from tests.cluster.rig.gateway import Gateway

HOW_TO_GET = (
    "no cluster: set KUBECONFIG, put kubectl, helm and docker or buildah on the PATH, and, where the nodes can't see "
    "the images that are built here, set LEAD_CLUSTER_LOAD_IMAGE to a command that takes one there, such as "
    "'kind load docker-image'"
)


@pytest.fixture(scope="session")
def gateway() -> Iterator[Gateway]:
    """Built, installed with the trial databases, two webhook and two worker pods; removed at the end."""
    builders = available("docker") or available("buildah")
    if not (os.environ.get("KUBECONFIG") and available("kubectl") and available("helm") and builders):
        pytest.skip(HOW_TO_GET)
    image.build("dev", VERSION="dev")
    made = Gateway(image.NAME)
    own_volume = volume.is_needed()
    try:
        made.make_namespaces()
        if own_volume:
            volume.provide(made.namespace)
        made.install("dev")
        made.start_outside()
        yield made
    finally:
        if not os.environ.get("LEAD_CLUSTER_KEEP"):
            made.remove()
            if own_volume:
                volume.withdraw(made.namespace)


@pytest.fixture
def figures(report_figure: Callable[[str], None]) -> Iterator[dict[str, float]]:
    """What a test measured, printed at the end of the run."""
    measured: dict[str, float] = {}
    yield measured
    for name, value in measured.items():
        report_figure(f"{name}: {value:.2f}")
