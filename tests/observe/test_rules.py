"""What the shipped rules fire on, by Prometheus' own promtool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from observability.alerts import alerts
from tests.observe.cases import CASES, Case
from tests.observe.rig.acceleration import RULES, quicker
from tests.observe.rig.prometheus import promtool

LONG = 1000


def test_promtool_finds_nothing_in_the_rule_file() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_that_fires_and_one_that_is_quiet() -> None:
    expected = {(alert.name, alert.severity, fires) for alert in alerts() for fires in (True, False)}
    assert {(case.alert, case.severity, case.fires) for case in CASES} == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}, {case.severity}: {case.what}")
def test_an_alert_fires_when_it_should(case: Case, tmp_path: Path) -> None:
    query = f'count(ALERTS{{alertname="{case.alert}",alertstate="firing",severity="{case.severity}"}}) or vector(0)'
    document: dict[str, Any] = {
        "rule_files": [str(RULES)],
        # Else promtool takes the groups in any order, and an alert that comes before what is recorded for it
        # sees only the recording of the evaluation before, which is gone after 5 minutes.
        "group_eval_order": [group["name"] for group in yaml.safe_load(RULES.read_text())["groups"]],
        # Seldom where a day is told: each evaluation of windows of days takes its time.
        "evaluation_interval": "1m" if case.minutes < LONG else "10m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
                "promql_expr_test": [
                    {
                        "expr": query,
                        "eval_time": f"{case.minutes}m",
                        "exp_samples": [{"labels": "{}", "value": int(case.fires)}],
                    }
                ],
            }
        ],
    }
    path = tmp_path / "case.yaml"
    path.write_text(yaml.safe_dump(document))

    done = promtool("test", "rules", str(path))

    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_are_accelerated_in_all_their_durations() -> None:
    expression = 'max(rate(a_bucket{le="0.5"}[5m])) > 0.05 and (max by (b) (a_seconds{c="d"}) > 300) and b{}[1d]'

    assert quicker(expression, 30) == (
        'max(rate(a_bucket{le="0.5"}[10000ms])) > 0.05 and (max by (b) (a_seconds{c="d"}) > 10) and b{}[2880000ms]'
    )
