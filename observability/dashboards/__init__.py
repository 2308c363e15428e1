"""The dashboards, one module each, written with Grafana's Foundation SDK."""

from __future__ import annotations

from observability.dashboards import capacity, configuration, delivery, overview, route
from observability.dashboards.page import Page

__all__ = ["PAGES", "Page"]

PAGES: tuple[Page, ...] = (overview.PAGE, route.PAGE, delivery.PAGE, configuration.PAGE, capacity.PAGE)
"""All of them."""
