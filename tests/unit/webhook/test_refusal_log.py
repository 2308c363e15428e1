"""A refused post can be looked up, and a flood of them can't fill a disk."""

from __future__ import annotations

from structlog.testing import capture_logs

from leadgateway_webhook.refusal_log import LINES_PER_SECOND, RefusalLog


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def note(log: RefusalLog, times: int = 1) -> None:
    for _ in range(times):
        log.note(code="unauthorized", route="default/solar", correlation_id="c")


def test_a_refusal_is_logged_with_its_correlation_id() -> None:
    with capture_logs() as lines:
        note(RefusalLog(Clock()))

    assert lines == [
        {
            "event": "post.refused",
            "log_level": "info",
            "code": "unauthorized",
            "route": "default/solar",
            "correlation_id": "c",
            "left_out": 0,
        }
    ]


def test_a_flood_is_a_few_lines_a_second() -> None:
    with capture_logs() as lines:
        note(RefusalLog(Clock()), times=1000)

    assert len(lines) == LINES_PER_SECOND


def test_what_was_left_out_is_counted_in_the_next_line() -> None:
    clock = Clock()
    log = RefusalLog(clock)

    with capture_logs() as lines:
        note(log, times=LINES_PER_SECOND + 5)
        clock.now += 1
        note(log, times=2)

    assert [line["left_out"] for line in lines[LINES_PER_SECOND:]] == [5, 0]
