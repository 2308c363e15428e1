"""What webhook and worker load: memory of every pod, so nothing that they never use."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("role", ["leadgateway_webhook.process", "leadgateway_worker.process"])
@pytest.mark.parametrize("package", ["alembic", "prompt_toolkit", "kopf", "kubernetes"])
def test_a_role_loads_no_package_that_it_never_uses(role: str, package: str) -> None:
    script = f"import sys, {role}; print({package!r} in sys.modules)"

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)

    assert told.stdout == "False\n"
