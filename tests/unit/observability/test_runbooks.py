"""Every alert has a runbook, and its commands exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from leadgateway.cli import app
from observability.alerts import alerts
from tests.building.expressions import exposed, names

ROOT = Path(__file__).parents[3]
RUNBOOKS = ROOT / "docs" / "runbooks"
PAGES = sorted(path for path in RUNBOOKS.iterdir() if path.stem != "README")
TEMPLATES = "".join(path.read_text() for path in (ROOT / "charts" / "lead-gateway" / "templates").rglob("*.*"))

_CALL = re.compile(r"leadgateway ((?:lead|route|migrate|stats)[^`\n|]*)")


def name_of(page: Path) -> str:
    return page.stem


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert {page.stem for page in PAGES} == {alert.name for alert in alerts()}


def test_the_overview_lists_every_alert_with_its_severities() -> None:
    rows = re.findall(
        r"^\| \[(\w+)\]\((\w+)\.md\) \| ([a-z, ]+) \|", (RUNBOOKS / "README.md").read_text(), re.MULTILINE
    )

    listed = [(name, severity) for name, page, severities in rows for severity in severities.split(", ")]
    assert all(name == page for name, page, _ in rows)
    assert sorted(listed) == sorted((alert.name, alert.severity) for alert in alerts())


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_runbook_says_what_it_means_what_to_look_at_and_what_to_do(page: Path) -> None:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    assert titles == [page.stem, "What it means", "What to look at", "What to do"]
    severities = {alert.severity for alert in alerts() if alert.name == page.stem}
    assert f"*{' or '.join(sorted(severities))}*" in page.read_text()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_runbook_links_to_pages_that_exist(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (RUNBOOKS / link).is_file(), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_runbook_names_metrics_that_are_exposed(page: Path) -> None:
    histograms = {name.removesuffix("_count") for name in exposed() if name.endswith("_count")}
    assert names(page.read_text()) - exposed().keys() - histograms == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_runbook_calls_commands_with_options_that_exist(page: Path) -> None:
    for call in _CALL.findall(page.read_text()):
        command: Any = typer.main.get_command(app)
        words = call.split()
        while hasattr(command, "get_command"):  # a group of commands
            command = command.get_command(None, words.pop(0))
            assert command is not None, f"there is no leadgateway {call}"
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, f"leadgateway {call}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_runbook_names_objects_of_the_chart(page: Path) -> None:
    text = page.read_text()
    for role in re.findall(r"deployments? (?:\w+=)?lead-gateway-(\w+)|deployment/lead-gateway-(\w+)", text):
        assert f'include "lead-gateway.fullname" . }}}}-{"".join(role)}' in TEMPLATES
    for component in re.findall(r"app\.kubernetes\.io/component=(\w+)", text):
        assert f'"component" "{component}"' in TEMPLATES
