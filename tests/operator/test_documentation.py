"""docs/operator.md names everything that people meet: reasons, settings, metrics."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from leadgateway_operator.conditions import Reason
from leadgateway_operator.metrics import Metrics
from leadgateway_operator.settings import OperatorSettings

DOCUMENT = (Path(__file__).parents[2] / "docs" / "operator.md").read_text()


def metric_names() -> list[str]:
    registry = CollectorRegistry()
    Metrics(registry).measure_age(lambda: 0.0)
    families = ((family.name, family.type) for family in registry.collect())
    return [f"{name}_total" if kind == "counter" else name for name, kind in families]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained(reason: Reason) -> None:
    assert f"`{reason}`" in DOCUMENT


@pytest.mark.parametrize("name", sorted(OperatorSettings.model_fields))
def test_every_setting_is_explained(name: str) -> None:
    assert f"`{name.upper()}`" in DOCUMENT


@pytest.mark.parametrize("name", metric_names())
def test_every_metric_is_explained(name: str) -> None:
    short = name.removeprefix("leadgateway_operator_")
    assert f"`{short}`" in DOCUMENT or f"`{short}{{" in DOCUMENT
