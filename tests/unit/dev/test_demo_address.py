"""A demo customer that is moved is followed by the routes that are written for its usual place, and by no others."""

from __future__ import annotations

import pytest

from leadgateway.dev.demo_address import following_demo
from tests.building.routes import a_spec, lead_route


@pytest.mark.parametrize(
    ("url", "moved"),
    [
        ("http://127.0.0.1:8010/lead/receive", "http://127.0.0.1:8099/lead/receive"),
        ("http://localhost:8010/lead?a=127.0.0.1:8010", "http://localhost:8099/lead?a=127.0.0.1:8010"),
        ("http://127.0.0.1:8011/lead/receive", "http://127.0.0.1:8011/lead/receive"),
        ("https://customer.example/127.0.0.1:8010", "https://customer.example/127.0.0.1:8010"),
        ("http://[::1/", "http://[::1/"),
    ],
)
def test_the_usual_place_becomes_the_new_one(url: str, moved: str) -> None:
    route = lead_route("solar", a_spec(url))

    assert following_demo(route, 8099).spec.endpoint.url == moved


def test_a_demo_customer_that_was_not_moved_changes_no_route() -> None:
    route = lead_route("solar", a_spec("http://localhost:8010/"))

    assert following_demo(route, 8010) is route
