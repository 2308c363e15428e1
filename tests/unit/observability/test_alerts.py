"""Every alert asks for what is exposed, and says what to do. (What it fires on is in tests/observe.)"""

from __future__ import annotations

from pathlib import Path

import pytest

from observability import __main__ as generator
from observability.alerts import GROUPS, Alert, alerts
from observability.alerts.rule import Recording
from tests.building.expressions import exposed, names, unknown_labels

RULES = [rule for group in GROUPS for rule in group.rules]
RECORDED = {rule.name for rule in RULES if isinstance(rule, Recording)}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_asks_for_what_is_exposed_or_recorded(rule: Alert | Recording) -> None:
    assert names(rule.expression) - exposed().keys() - RECORDED == set()
    assert not unknown_labels(rule.expression)


def test_what_is_recorded_is_asked_for() -> None:
    assert RECORDED - set().union(*(names(alert.expression) for alert in alerts())) == set()


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: f"{alert.name}, {alert.severity}")
def test_an_alert_tells_people_what_happened_in_sentences(alert: Alert) -> None:
    assert alert.name.startswith("LeadGateway")
    assert len(alert.summary) <= 120
    assert alert.description.endswith(".")


def test_alerts_of_one_name_differ_in_severity() -> None:
    told_apart = [(alert.name, alert.severity) for alert in alerts()]
    assert len(told_apart) == len(set(told_apart))


def test_the_generator_says_what_is_stale_and_mends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator.main(str(tmp_path))
    rules = tmp_path / "alerts" / "lead-gateway.rules.yaml"
    rules.write_text(rules.read_text() + "# edited by hand\n")
    left = tmp_path / "alerts" / "left-behind.yaml"
    left.touch()

    assert generator.main("--check", str(tmp_path)) == 1
    assert [line.split()[0] for line in capsys.readouterr().err.splitlines()] == [str(left), str(rules)][::-1]

    generator.main(str(tmp_path))
    assert generator.main("--check", str(tmp_path)) == 0
    assert not left.exists()
