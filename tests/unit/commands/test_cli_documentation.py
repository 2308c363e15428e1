"""What docs/cli.md promises of the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from leadgateway.commands import exits
from leadgateway.commands.kubectl import app as plugin
from leadgateway.commands.lead import COMMANDS, app

DOCUMENT = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()


def test_every_command_for_leads_is_documented() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]

    assert [name for name in commands if f"| `leadgateway lead {name}" not in DOCUMENT] == []


def test_the_exit_statuses_are_those_of_the_code() -> None:
    for status in (exits.NEGATIVE, exits.USAGE, exits.UNAVAILABLE):
        assert f"\n| {status} | " in DOCUMENT


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_completion_is_printed(shell: str) -> None:
    printed = complete(f"source_{shell}")

    assert f"complete_{shell}" in printed


def test_commands_are_completed() -> None:
    assert complete("complete_bash", COMP_WORDS="leadgateway lead re", COMP_CWORD="2").split() == ["replay", "reject"]


def complete(instruction: str, **more: str) -> str:
    # By the name of the command, as the shell calls it
    code = "import sys; sys.argv = ['leadgateway']; from leadgateway.cli import main; main()"
    environment = os.environ | {"_LEADGATEWAY_COMPLETE": instruction} | more
    called = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return called.stdout


def test_every_command_of_the_plugin_is_documented() -> None:
    commands = typer.main.get_command(plugin).commands  # type: ignore[attr-defined]

    assert sorted(commands) == sorted([*COMMANDS, "stats"])
    section = DOCUMENT.partition("\n## kubectl leads\n")[2].partition("\n## ")[0]
    assert [name for name in commands if f"`{name}`" not in section] == []


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["re"], ["reject", "replay"]),
        (["list", "--status", "perm"], ["PERMANENTLY_FAILED"]),
        (["-n", "leads", "list", "--kube"], ["--kubeconfig"]),
    ],
)
def test_kubectl_completes_the_plugin(words: list[str], offered: list[str]) -> None:
    code = "from leadgateway.commands.kubectl import complete; complete()"
    called = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60, check=False
    )

    *completions, directive = called.stdout.split()
    assert (sorted(completions), directive) == (offered, ":4")


def test_the_one_letter_options_of_kubectl_mean_in_the_plugin_what_they_mean_there() -> None:
    commands = typer.main.get_command(plugin).commands  # type: ignore[attr-defined]

    for command in commands.values():
        letters = {option: each.name for each in command.params for option in each.opts if option == "-n"}
        assert letters == {"-n": "namespace"}
