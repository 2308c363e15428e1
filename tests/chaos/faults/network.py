"""The network between sources, gateway, PostgreSQL and Valkey: cut, silent, half-open, slow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.chaos.faults.fault import Fault
from tests.chaos.proxy import Proxy, Weather
from tests.chaos.stack import Stack

LAG_SECONDS = 0.15


def _weather(link: str, weather: Weather) -> Callable[[Stack], AbstractContextManager[None]]:
    @contextmanager
    def during(stack: Stack) -> Iterator[None]:
        proxy: Proxy = getattr(stack, link)
        proxy.turn(weather, lag=LAG_SECONDS if weather is Weather.SLOW else 0.0)
        yield
        proxy.turn(Weather.FAIR)

    return during


_LINKS = {"balancer": "webhooks", "to_postgres": "PostgreSQL", "to_valkey": "Valkey"}
# What is done to Valkey may delay nothing, wherever it is done: so it is of that family.
_FAMILIES = {"to_valkey": "valkey"}
_WORDS = {Weather.CUT: "cut", Weather.SILENT: "silent", Weather.HALF_OPEN: "half-open", Weather.SLOW: "slow"}

FAULTS = tuple(
    Fault(f"link to {name} {word}", _FAMILIES.get(link, "network"), f"link-{link}", (1, 15), _weather(link, weather))
    for link, name in _LINKS.items()
    for weather, word in _WORDS.items()
)
