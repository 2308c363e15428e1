"""A counter by route that is cheap to count on, and lets go of routes that are gone."""

from __future__ import annotations

from collections.abc import Collection

from prometheus_client import Counter


class RouteSeries:
    """The series of a counter with the labels `route` and one other, in this order. Thread-safe."""

    def __init__(self, counter: Counter) -> None:
        """Count on `counter`, by this object only."""
        self._counter = counter
        # Looked up once a series: prometheus_client's own lookup costs more than the count.
        self._series: dict[tuple[str, str], Counter] = {}

    def inc(self, route: str, value: str) -> None:
        """Count one.

        Args:
            route: The route's key.
            value: Of the other label.
        """
        series = self._series.get((route, value))
        if series is None:
            series = self._series[route, value] = self._counter.labels(route, value)
        series.inc()

    def forget_all_but(self, routes: Collection[str]) -> None:
        """Drop the series of all routes but these, so that routes that come and go don't pile up."""
        for route, value in [series for series in list(self._series) if series[0] not in routes]:
            # In this order: a count that comes in between is lost with its series, rather than kept out of sight.
            self._counter.remove(route, value)
            del self._series[route, value]
