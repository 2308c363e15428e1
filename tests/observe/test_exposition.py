"""What each role exposes is as Prometheus wants it."""

from __future__ import annotations

import httpx
import pytest

from leadgateway.telemetry.catalogue.definition import Role
from tests.observe.conftest import World
from tests.observe.rig.prometheus import promtool


@pytest.mark.parametrize("role", list(Role))
def test_promtool_finds_nothing_in_the_metrics_of_a_role(world: World, role: Role) -> None:
    statuses = {
        Role.WEBHOOK: world.gateway.webhook.status,
        Role.WORKER: world.gateway.worker.status,
        Role.CONSOLE: world.console.status,
        Role.OPERATOR: f"http://127.0.0.1:{world.operator.status_port}",
    }
    text = httpx.get(f"{statuses[role]}/metrics", trust_env=False).text

    done = promtool("check", "metrics", stdin=text)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
