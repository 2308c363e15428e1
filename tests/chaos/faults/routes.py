"""The route tables: broken, empty, new, and without a route that leads wait for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from leadgateway.route.directory import DATA, replace
from tests.building.routes import SOLAR_MAPPING
from tests.chaos.faults.fault import Fault
from tests.chaos.routes import DEDUPLICATED, NARROW, PLAIN
from tests.chaos.stack import Stack


@contextmanager
def broken(stack: Stack) -> Iterator[None]:
    """Every file of every shard is garbage."""
    for folder in stack.routes.root.glob("routes-*"):
        replace(folder, {path.name: b'{"spec": [' for path in (folder / DATA).iterdir()})
    yield
    stack.routes.publish()


@contextmanager
def empty(stack: Stack) -> Iterator[None]:
    """No shard holds anything."""
    for folder in stack.routes.root.glob("routes-*"):
        replace(folder, {})
    yield
    stack.routes.publish()


@contextmanager
def renewed(stack: Stack) -> Iterator[None]:
    """A route maps another field, and no longer at the end."""
    with stack.routes.changed(PLAIN, mapping=SOLAR_MAPPING | {"zip_again": {"from": "address.zip"}}):
        yield


@contextmanager
def paused(stack: Stack) -> Iterator[None]:
    """A route takes leads and delivers none."""
    with stack.routes.changed(NARROW, paused=True):
        yield


@contextmanager
def deleted(stack: Stack) -> Iterator[None]:
    """A route is gone while its leads wait, and returns."""
    stack.routes.gone.add(DEDUPLICATED)
    stack.routes.publish()
    yield
    stack.routes.gone.discard(DEDUPLICATED)
    stack.routes.publish()


FAULTS = (
    Fault("routes broken", "routes", "routes", (2, 15), broken),
    Fault("routes empty", "routes", "routes", (2, 15), empty),
    Fault("route renewed", "routes", "routes", (2, 20), renewed),
    Fault("route paused", "routes", "routes", (2, 20), paused),
    Fault("route deleted", "routes", "routes", (2, 20), deleted),
)
