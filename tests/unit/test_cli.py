"""The frame of the command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer.core
import typer.main
from pydantic_settings import BaseSettings

from leadgateway import __version__
from leadgateway.cli import app
from leadgateway.settings import WebhookSettings, WorkerSettings
from leadgateway_operator.settings import OperatorSettings
from tests.building import command_line


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

    for command in ("console", "dev", "lead", "migrate", "operator", "route", "webhook", "worker"):
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


def commands(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command below one, with the words that call it."""
    if not isinstance(command, typer.core.TyperGroup):
        yield path, command
        return
    context = typer.Context(command)
    for name in command.list_commands(context):
        yield from commands(command.get_command(context, name), *path, name)


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_shows_options_and_variables_whole_on_a_narrow_terminal(words: tuple[str, ...]) -> None:
    shown = command_line.leadgateway(*words, "--help", environment={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).out

    options = [option for option in COMMANDS[words].params if isinstance(option, typer.core.TyperOption)]
    names = {name for option in options for name in (*option.opts, *option.secondary_opts)}
    variables = {option.envvar for option in options if option.envvar}
    assert names | variables <= set(re.findall(r"--?[\w-]+|[A-Z_]+", shown))
    assert "\\[" not in shown


@pytest.mark.parametrize(
    ("role", "settings"),
    [("webhook", WebhookSettings), ("worker", WorkerSettings), ("operator", OperatorSettings)],
)
def test_help_names_the_variable_that_each_option_overrides(role: str, settings: type[BaseSettings]) -> None:
    prefix = settings.model_config["env_prefix"]
    variables = {name: field.alias or f"{prefix}{name}".upper() for name, field in settings.model_fields.items()}

    overridden = {option.name: option.envvar for option in COMMANDS[role,].params if option.name in variables}

    assert overridden
    assert overridden == {name: variables[name] for name in overridden}


def test_an_options_default_in_the_help_is_that_of_its_setting() -> None:
    for role, settings in (("webhook", WebhookSettings), ("worker", WorkerSettings), ("operator", OperatorSettings)):
        for option in COMMANDS[role,].params:
            default = settings.model_fields[option.name].default if option.name in settings.model_fields else None
            if isinstance(default, (int, float)) and not isinstance(default, bool):
                assert float(option.show_default) == default, f"{role} {option.name}"
