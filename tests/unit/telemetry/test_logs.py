"""Log lines of our own and of libraries share one shape."""

from __future__ import annotations

import json
import subprocess
import sys

from leadgateway import __version__

PROGRAM = """
import logging, structlog
from leadgateway.telemetry.logs import configure_logging
configure_logging("worker", format={format!r})
structlog.get_logger("ours").info("lead.delivered", route="default/solar", correlation_id="c-1")
logging.getLogger("theirs").warning("shard %s is late", 3)
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("ours").exception("pump.failed")
structlog.get_logger("ours").debug("not shown")
"""


def logged(log_format: str) -> list[str]:
    program = PROGRAM.format(format=log_format)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_json_is_one_object_a_line_for_us_and_for_libraries() -> None:
    ours, theirs, failed = (json.loads(line) for line in logged("json"))

    assert ours["body"] == "lead.delivered"
    assert ours["route"] == "default/solar"
    assert ours["correlation_id"] == "c-1"
    assert ours["severity_text"] == "info"
    assert ours["otel.scope.name"] == "ours"
    assert ours["service.version"] == __version__
    assert ours["service.name"] == "lead-gateway-worker"
    assert ours["timestamp"].endswith("Z")
    assert theirs["body"] == "shard 3 is late"
    assert "ZeroDivisionError" in failed["exception.stacktrace"]


def test_the_console_format_reads_as_sentences() -> None:
    lines = logged("console")

    assert "lead.delivered" in lines[0]
    assert "route=default/solar" in lines[0]
    assert "shard 3 is late" in lines[1]


def test_a_traceback_shows_no_local_variables() -> None:
    program = """
import structlog
from leadgateway.telemetry.logs import configure_logging
configure_logging("worker", format="console")
def handle(email):
    raise ValueError
try:
    handle("erika@" + "example.com")
except ValueError:
    structlog.get_logger("ours").exception("pump.failed")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert "ValueError" in done.stderr
    assert "erika@example.com" not in done.stderr


def test_finished_lines_are_written_whole_where_the_log_goes() -> None:
    program = """
import structlog
from leadgateway.telemetry.logs import configure_logging, write_lines
configure_logging("webhook")
write_lines(['{"body":"one"}', '{"body":"two"}'])
structlog.get_logger("ours").info("three")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert [json.loads(line)["body"] for line in done.stderr.splitlines()] == ["one", "two", "three"]
