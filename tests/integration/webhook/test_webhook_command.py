"""The command line of the webhook: what it needs, what it refuses, and with which exit status."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leadgateway.cli import app
from leadgateway.settings import InvalidSettings
from tests.building.webhook import WebhookProcess


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "leadgateway", "webhook", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_option_with_its_variable_and_default() -> None:
    shown = CliRunner().invoke(app, ["webhook", "--help"], env={"COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb"})

    assert shown.exit_code == 0
    for word in (
        "--port",
        "LEADGATEWAY_WEBHOOK_PORT",
        "8000",
        "--host",
        "--status-port",
        "9100",
        "--config-dir",
        "LEADGATEWAY_CONFIG_DIR",
        "DATABASE_URL",
        "REDIS_URL",
    ):
        assert word in shown.stdout


@pytest.mark.parametrize(
    ("option", "variable"),
    [("--port", "LEADGATEWAY_WEBHOOK_PORT"), ("--status-port", "LEADGATEWAY_WEBHOOK_STATUS_PORT")],
)
def test_a_port_that_is_taken_is_said_in_a_sentence_that_names_the_remedy(option: str, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("--port=0", "--status-port=0", f"{option}={port}")

    assert ended.returncode == 1
    assert f"127.0.0.1:{port}" in ended.stderr
    assert option in ended.stderr
    assert variable in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_setting_that_cannot_be_used_is_named() -> None:
    ended = CliRunner().invoke(app, ["webhook"], env={"LEADGATEWAY_WEBHOOK_MAX_BODY_BYTES": "many"})

    assert isinstance(ended.exception, InvalidSettings)
    assert "LEADGATEWAY_WEBHOOK_MAX_BODY_BYTES" in str(ended.exception)


def test_an_interrupt_ends_it_as_well_as_a_termination(tmp_path: Path) -> None:
    with WebhookProcess(tmp_path, database="postgresql://a:b@127.0.0.1:1/c", redis="redis://127.0.0.1:1/0") as webhook:
        assert webhook.end(signal.SIGINT, within=10) == 0

    assert "Traceback" not in webhook.output
