"""How many more leads of each route may be worked on: no customer, however slow, holds what another one needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from leadgateway.route.snapshot import RouteKey, RouteSnapshot


class Slots:
    """The leads in hand, by route.

    A route may hold as many as its `concurrency` says, and no more than what is left of the whole capacity (the
    dynamic thresholds of Choudhury and Hahne, 1998, with a factor of one): many dead customers together each keep
    fewer, and some capacity is left for one that works. All routes being served at once, that holds only if they
    never take more than half of what is left at a time.
    """

    def __init__(self, capacity: int) -> None:
        """All slots are free.

        Args:
            capacity: Leads in hand at the most, all routes together.
        """
        self._capacity = capacity
        self._held: Counter[RouteKey] = Counter()
        self._total = 0
        self._widest = 0

    @property
    def total(self) -> int:
        """Leads in hand."""
        return self._total

    @property
    def scarce(self) -> bool:
        """Whether a route gets less than its concurrency for want of capacity, so that any slot given back helps it."""
        return self.left < self._widest

    @property
    def left(self) -> int:
        """How much of the capacity is left."""
        return self._capacity - self._total

    @property
    def most_at_once(self) -> int:
        """How many leads may be taken at a time, all routes together."""
        return min(self.left, max(self.left // 2, 1))

    def free(self, routes: Mapping[RouteKey, RouteSnapshot]) -> dict[RouteKey, int]:
        """Count the leads that may be taken: by route, where there is at least one.

        Args:
            routes: The routes in question, by key; of paused ones nothing may be taken.
        """
        left, held = self.left, self._held
        self._widest = max((route.endpoint.concurrency for route in routes.values()), default=0)
        if left <= 0:
            return {}
        free = {
            key: min(route.endpoint.concurrency, left) - held.get(key, 0)
            for key, route in routes.items()
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
