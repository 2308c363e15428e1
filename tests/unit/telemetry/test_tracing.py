"""Tracing is off unless asked for, costs no import then, and says at the start what it lacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from leadgateway.settings import InvalidSettings, TracingSettings, load
from leadgateway.telemetry.tracing import open_tracing

# Libraries look for the SDK by themselves (redis-py for its metrics); what records and sends spans is ours alone.
WANTED_ONLY_IF_ON = (
    "leadgateway.telemetry.open_telemetry",
    "opentelemetry.sdk.trace",
    "opentelemetry.exporter",
    "opentelemetry.proto",
    "google.protobuf",
)


def imported(code: str, **environment: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return {name for name in json.loads(done.stdout) if name.startswith(WANTED_ONLY_IF_ON)}


OPEN = """
import leadgateway_webhook.process, leadgateway_worker.process, leadgateway_webhook.console.process
from leadgateway.settings import TracingSettings, load
from leadgateway.telemetry.tracing import open_tracing
open_tracing("worker", load(TracingSettings))
"""


def test_nothing_that_records_or_sends_spans_is_imported_unless_it_is_on() -> None:
    assert imported(OPEN) == set()
    assert imported(OPEN, LEADGATEWAY_TRACING="on") > {"leadgateway.telemetry.open_telemetry"}


def test_without_the_extra_the_switch_is_refused_with_what_to_install(tmp_path: Path) -> None:
    # What is not installed can't be found: here by a finder before all others.
    code = """
import importlib.abc, sys
class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "opentelemetry.sdk" or name.startswith("opentelemetry.exporter"):
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Hidden())
from leadgateway.cli import main
sys.argv = ["leadgateway", "worker", "--status-port=0"]
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"LEADGATEWAY_TRACING": "on", "LEADGATEWAY_CONFIG_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 2, done.stderr
    assert "LEADGATEWAY_TRACING is on, and OpenTelemetry is not installed: install lead-gateway[tracing]" in done.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LEADGATEWAY_TRACING", "perhaps"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318/v1/traces"),
    ],
)
def test_what_would_fail_silently_later_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv("LEADGATEWAY_TRACING", "on")
    monkeypatch.setenv(variable, value)

    with pytest.raises(InvalidSettings, match=variable.replace("OTLP_TRACES", "OTLP")):
        load(TracingSettings)


def test_variables_of_others_do_not_matter_while_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")

    assert open_tracing("worker", load(TracingSettings)) is None


def test_a_variable_that_the_sdk_refuses_is_an_invalid_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADGATEWAY_TRACING", "on")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")

    with pytest.raises(InvalidSettings, match="OTEL_"):
        open_tracing("worker", load(TracingSettings))
