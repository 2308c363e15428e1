"""What docs/operations.md says to do where there is no chart, done."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import yaml

from observability.alerts import alerts
from tests.chart.rendering import CHART
from tests.observe.rig.prometheus import promtool

_PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
_SECTION = "## Prometheus and Grafana without the chart's resources"
_FOLDER = "/srv/lead-gateway"


def blocks(kind: str) -> list[str]:
    """The examples of the section that are written in a language."""
    section = _PAGE.read_text().partition(_SECTION)[2].partition("\n## ")[0]
    return re.findall(rf"^```{kind}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def carried_out(folder: Path) -> None:
    (commands,) = blocks("sh")
    script = commands.replace(_FOLDER, str(folder))
    subprocess.run(["/bin/sh", "-ec", script], cwd=CHART.parents[1], check=True, timeout=60)


def test_the_copies_lead_to_the_console_and_the_runbooks(tmp_path: Path) -> None:
    carried_out(tmp_path)

    for shipped in (CHART / "dashboards").iterdir():
        variables = json.loads((tmp_path / "dashboards" / shipped.name).read_text())["templating"]["list"]
        (console,) = (each for each in variables if each["name"] == "console")
        assert console["query"] == console["current"]["value"] == "https://console.example"
    (rules,) = (tmp_path / "alerts").iterdir()
    groups = yaml.safe_load(rules.read_text())["groups"]
    linked = [rule["annotations"]["runbook_url"] for group in groups for rule in group["rules"] if "alert" in rule]
    assert linked == [f"https://git.example/lead-gateway/docs/runbooks/{alert.name}.md" for alert in alerts()]


def test_prometheus_takes_the_configuration_and_the_rules(tmp_path: Path) -> None:
    shutil.copytree(CHART / "alerts", tmp_path / "alerts")
    configuration = tmp_path / "prometheus.yaml"
    configuration.write_text(blocks("yaml")[0].replace(_FOLDER, str(tmp_path)))

    done = promtool("check", "config", "--lint=all", "--lint-fatal", str(configuration))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_grafana_is_told_the_folder_of_the_dashboards() -> None:
    (provider,) = yaml.safe_load(blocks("yaml")[1])["providers"]
    assert provider["options"]["path"] == f"{_FOLDER}/dashboards"
