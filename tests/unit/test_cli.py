"""The frame of the command line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from leadgateway import __version__


def leadgateway(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "leadgateway", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"} | environment,
    )


def test_the_version_is_that_of_the_distribution() -> None:
    assert leadgateway("--version").stdout == f"lead-gateway {__version__}\n"


def test_help_lists_every_command_with_what_it_does() -> None:
    shown = leadgateway("--help").stdout

    for command in ("dev", "lead", "migrate", "operator", "route", "webhook", "worker"):
        assert f" {command} " in shown


def test_an_unknown_command_is_a_usage_error() -> None:
    called = leadgateway("wrok")

    assert called.returncode == 2
    assert "wrok" in called.stderr


@pytest.mark.parametrize("role", ["webhook", "worker"])
def test_a_setting_that_cannot_be_used_ends_the_command_with_its_name_and_status_2(role: str) -> None:
    called = leadgateway(role, POSTGRES_PORT="ninety")

    assert called.returncode == 2
    assert called.stderr.startswith("POSTGRES_PORT: ")
    assert "Traceback" not in called.stderr
