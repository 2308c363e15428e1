"""Series of routes come and go with them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from leadgateway.telemetry.catalogue.worker import LEADS_FINISHED
from leadgateway.telemetry.route_series import RouteSeries


def test_series_of_routes_that_are_gone_are_dropped_and_begin_anew_when_they_return() -> None:
    registry = CollectorRegistry()
    series = RouteSeries(LEADS_FINISHED, registry)
    for route in ("default/gone", "default/kept", "default/kept"):
        series.inc(route, "DELIVERED")

    series.forget_all_but({"default/kept"})

    gone, kept = ({"route": route, "status": "DELIVERED"} for route in ("default/gone", "default/kept"))
    assert registry.get_sample_value("leadgateway_leads_finished_total", gone) is None
    assert registry.get_sample_value("leadgateway_leads_finished_total", kept) == 2
    series.inc("default/gone", "DELIVERED")
    assert registry.get_sample_value("leadgateway_leads_finished_total", gone) == 1
