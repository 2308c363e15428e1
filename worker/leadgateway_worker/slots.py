"""How many more leads of each route may be worked on: no customer, however slow, holds what another one needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from leadgateway.route.snapshot import RouteKey, RouteSnapshot


class Slots:
    """The leads in hand, by route.

    A route may hold as many as its `concurrency` says, and no more than what is left of the whole capacity (the
    dynamic thresholds of Choudhury and Hahne, 1998, with a factor of one): many dead customers together each keep
    fewer, and some capacity is always left for one that works.
    """

    def __init__(self, capacity: int) -> None:
        """All slots are free.

        Args:
            capacity: Leads in hand at the most, all routes together.
        """
        self._capacity = capacity
        self._held: Counter[RouteKey] = Counter()
        self._total = 0

    @property
    def total(self) -> int:
        """Leads in hand."""
        return self._total

    @property
    def left(self) -> int:
        """How much of the capacity is left."""
        return self._capacity - self._total

    def free(self, routes: Iterable[RouteSnapshot]) -> dict[RouteKey, int]:
        """Count the leads that may be taken: by route, where there is at least one.

        Args:
            routes: The routes that are known; of paused ones nothing may be taken.
        """
        left = self.left
        if left <= 0:
            return {}
        held = self._held
        free = {
            route.key: min(route.endpoint.concurrency, left) - held.get(route.key, 0)
            for route in routes
            if not route.paused
        }
        return {key: count for key, count in free.items() if count > 0}

    def take(self, route: RouteKey, count: int = 1) -> None:
        """Note that leads are in hand."""
        self._held[route] += count
        self._total += count

    def give_back(self, route: RouteKey, count: int = 1) -> None:
        """Note that leads are no longer in hand."""
        self._held[route] -= count
        self._total -= count
        if not self._held[route]:
            del self._held[route]
