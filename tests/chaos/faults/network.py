"""The network between sources, gateway, PostgreSQL and Valkey: cut, silent, half-open, slow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.chaos.faults.fault import Fault
from tests.chaos.proxy import Weather
from tests.chaos.stack import Stack

LAG_SECONDS = 0.15


def _weather(name: str, weather: Weather) -> Callable[[Stack], AbstractContextManager[None]]:
    @contextmanager
    def during(stack: Stack) -> Iterator[None]:
        for proxy in stack.links[name]:
            proxy.turn(weather, lag=LAG_SECONDS if weather is Weather.SLOW else 0.0)
        yield
        for proxy in stack.links[name]:
            proxy.turn(Weather.FAIR)

    return during


def _losing(share: float) -> Callable[[Stack], AbstractContextManager[None]]:
    @contextmanager
    def during(stack: Stack) -> Iterator[None]:
        assert stack.namespace is not None
        with stack.namespace.losing(share):
            yield

    return during


_LINKS = ("webhooks", "PostgreSQL", "Valkey")
# What is done to Valkey may delay nothing, wherever it is done: so it is of that family.
_FAMILIES = {"Valkey": "valkey"}
_WORDS = {Weather.CUT: "cut", Weather.SILENT: "silent", Weather.HALF_OPEN: "half-open", Weather.SLOW: "slow"}
_LOSSES = {0.1: "a tenth of all packets lost", 0.4: "two fifths of all packets lost", 1.0: "cable pulled"}

FAULTS = (
    *(
        Fault(
            f"link to {name} {word}", _FAMILIES.get(name, "network"), f"link-{name}", (1, 15), _weather(name, weather)
        )
        for name in _LINKS
        for weather, word in _WORDS.items()
    ),
    *(Fault(words, "network", "cable", (2, 20), _losing(share), needs="namespace") for share, words in _LOSSES.items()),
)
