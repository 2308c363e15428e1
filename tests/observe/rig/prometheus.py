"""A real Prometheus that scrapes this machine every second."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import pytest
import yaml

from leadgateway.dev.child import end, spawn
from tests.building.waiting import eventually

HOW_TO_GET = "these tests need Prometheus (Debian and Ubuntu: apt install prometheus)"
Sample = tuple[dict[str, str], float]


def program(name: str) -> str:
    """Where `prometheus` or `promtool` is."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(HOW_TO_GET)
    return found


def promtool(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run promtool; what it found wrong is in its output and its exit status."""
    command = [program("promtool"), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=120)


class Prometheus:
    """The server. Entered, it answers; left, it has ended."""

    def __init__(self, folder: Path, targets: Mapping[str, list[str]], rules: Mapping[str, Any]) -> None:
        """Describe it.

        Args:
            folder: For its configuration, its data and its log.
            targets: Addresses to scrape, by the namespace that they get as a label, as in a cluster.
            rules: A rule file's content.
        """
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rules.yaml").write_text(yaml.safe_dump(dict(rules)))
        scraping = {
            "job_name": "lead-gateway",
            "static_configs": [
                {"targets": addresses, "labels": {"namespace": name}} for name, addresses in targets.items()
            ],
        }
        configuration = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(folder / "rules.yaml")],
            "scrape_configs": [scraping],
        }
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{listener.getsockname()[1]}"
        # Not by the environment's proxy, and with time for a machine that is busy.
        self._client = httpx.Client(base_url=f"http://{self._address}/api/v1", timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        options = {
            "config.file": str(self._folder / "prometheus.yaml"),
            "storage.tsdb.path": str(self._folder / "data"),
            "web.listen-address": self._address,
        }
        self._log = (self._folder / "log").open("wb")
        self._process = spawn(
            [program("prometheus"), *(f"--{name}={value}" for name, value in options.items())], output=self._log
        )
        eventually(self._is_ready, within=60, what="readiness of Prometheus")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        end(self._process)
        self._log.close()

    def ask(self, expression: str) -> list[Sample]:
        """What an expression returns now; a scalar is one sample without labels.

        Raises:
            AssertionError: Prometheus refused it.
        """
        answer = self._client.post("/query", data={"query": expression}).json()
        assert answer["status"] == "success", f"{expression}: {answer.get('error')}"
        result, data = answer["data"]["resultType"], answer["data"]["result"]
        if result == "scalar":
            return [({}, float(data[1]))]
        return [(sample["metric"], float(sample["value"][1])) for sample in data]

    def number(self, expression: str) -> float | None:
        """The only value that an expression returns; None if it returns nothing."""
        found = self.ask(expression)
        assert len(found) <= 1, found
        return found[0][1] if found else None

    def firing(self, namespace: str) -> set[str]:
        """The alerts that fire now for what has this namespace."""
        answer = self._client.get("/alerts").json()
        assert answer["status"] == "success", answer
        return {
            alert["labels"]["alertname"]
            for alert in answer["data"]["alerts"]
            if alert["state"] == "firing" and alert["labels"].get("namespace") == namespace
        }

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            return self._client.get(f"http://{self._address}/-/ready").status_code == 200
        except httpx.TransportError:
            return False
