"""A trace is passed on if it is one."""

from __future__ import annotations

import pytest

from leadgateway.telemetry.trace_context import trace_headers

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
STATE = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"


def test_both_headers_of_a_valid_trace_are_passed_on_as_they_came() -> None:
    headers = {"traceparent": PARENT, "tracestate": STATE, "user-agent": "x"}

    assert trace_headers(headers) == {"traceparent": PARENT, "tracestate": STATE}


def test_a_later_version_may_say_more() -> None:
    later = PARENT.replace("00-", "01-", 1) + "-what-the-future-will-be-like"

    assert trace_headers({"traceparent": later}) == {"traceparent": later}


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00",
        PARENT.upper(),
        PARENT + "-more",
        PARENT + "00",
        PARENT.replace("00-", "ff-", 1),
        PARENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        PARENT.replace("b7ad6b7169203331", "0" * 16),
        f"{PARENT}, {PARENT}",
        "01" + PARENT[2:] + "-" + "x" * 200,
        PARENT + "\r\nX-Injected: 1",
    ],
)
def test_what_is_no_trace_is_not_passed_on(parent: str) -> None:
    assert trace_headers({"traceparent": parent, "tracestate": STATE}) == {}


@pytest.mark.parametrize("state", ["", "x" * 513, "vendor=\x00", "vendor=ü"])
def test_a_state_that_can_not_be_passed_on_is_left_out(state: str) -> None:
    assert trace_headers({"traceparent": PARENT, "tracestate": state}) == {"traceparent": PARENT}
