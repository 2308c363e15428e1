"""What is documented is what is exposed, named as Prometheus' conventions have it."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from leadgateway.telemetry.catalogue import CATALOGUE, Metric, Role, backlog, of_role
from leadgateway.telemetry.catalogue.definition import CounterMetric, HistogramMetric

# What a process of each role registers, without starting anything.
REGISTERING = {
    Role.WEBHOOK: "import leadgateway_webhook.process as process; process.Metrics(); process.tell_build('webhook')",
    Role.WORKER: "import leadgateway_worker.process as process; process.tell_build('worker')",
    Role.CONSOLE: "import leadgateway_webhook.console.process as process; process.Metrics(); "
    "process.tell_build('console')",
    Role.OPERATOR: "import leadgateway_operator.process as process; from prometheus_client import REGISTRY; "
    "process.Metrics(REGISTRY); process.tell_build('operator')",
}
ONLY_IN_ONE_WORKER = {metric.name for metric in backlog.METRICS}
NAMES = (
    "; import json; from prometheus_client import REGISTRY; "
    "print(json.dumps({family.name: family.type for family in REGISTRY.collect()}))"
)


def registered(role: Role) -> dict[str, str]:
    """The type of each metric of ours that a process of this role registers, by name."""
    command = [sys.executable, "-c", REGISTERING[role] + NAMES]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    families: dict[str, str] = json.loads(done.stdout)
    return {
        f"{name}_total" if kind == "counter" else name: kind
        for name, kind in families.items()
        if name.startswith("leadgateway_")
    }


@pytest.mark.parametrize("role", REGISTERING)
def test_a_process_exposes_what_the_catalogue_says_and_nothing_else(role: Role) -> None:
    exposed = registered(role)

    documented = {metric.name for metric in of_role(role)}
    undocumented, missing = exposed.keys() - documented, documented - exposed.keys()
    assert not undocumented, "add them to leadgateway/telemetry/catalogue"
    assert not missing - ONLY_IN_ONE_WORKER


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_a_metric_is_named_by_the_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"leadgateway_[a-z][a-z_]*[a-z]", metric.name)
    assert metric.name.endswith("_total") == isinstance(metric, CounterMetric)
    assert not re.search(r"_(ms|milliseconds|minutes|kb|percent|count|sum|bucket|created|info_)($|_)", metric.name)
    assert metric.help.endswith((".", ")"))
    assert metric.roles


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_a_histogram_has_a_unit_and_no_route(metric: Metric) -> None:
    if isinstance(metric, HistogramMetric):
        assert metric.name.endswith(("_seconds", "_leads", "_bytes"))
        assert "route" not in metric.labels
        assert list(metric.buckets) == sorted(metric.buckets)


def test_each_name_is_given_once() -> None:
    names = [metric.name for metric in CATALOGUE]

    assert sorted(set(names)) == sorted(names)
