"""What webhook and worker load: memory of every pod, so nothing that they never use."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[2]

_NEVER_USED = {
    "alembic": "migrations run by a command of their own",
    "attr": "of Rich, and of aiohttp in the worker",
    "cel": "for routes with an expression, when the first of them comes",
    "click": "of command lines that libraries bring: ours is Typer's, which has its own",
    "cryptography": "of redis-py, for a check of certificates that is not turned on",
    "greenlet": "of structlog, for threads that we don't have",
    "kopf": "the operator's",
    "kubernetes": "the operator's",
    "opentelemetry.sdk": "of redis-py's own metrics; ours loads it where tracing is on",
    "phonenumbers": "for routes with phone numbers, when the first of them comes",
    "prompt_toolkit": "of the CEL library's command line",
    "psutil": "of OpenTelemetry's SDK",
    "pygments": "of Rich",
    "rich": "of structlog and httpx; ours is for commands that people read",
    "sqlalchemy": "of Alembic, with which migrations run",
}
"""Packages, and why a role has none of them."""

_USED = {
    "webhook": {"click"},  # uvicorn's package loads its command line
    "worker": {"attr", "phonenumbers"},  # by a lead's phone number it can be found
}


def _loaded(role: str) -> set[str]:
    """All that is loaded when a role's command is about to run."""
    script = f"import json, sys, leadgateway.cli, leadgateway_{role}.command; print(json.dumps(list(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    return set(json.loads(told.stdout))


@pytest.mark.parametrize("role", ["webhook", "worker"])
def test_a_role_loads_no_package_that_it_never_uses(role: str) -> None:
    loaded = _loaded(role)

    assert {name: why for name, why in _NEVER_USED.items() if name in loaded and name not in _USED[role]} == {}


@pytest.mark.parametrize("role", ["webhook", "worker"])
def test_the_image_has_small_byte_code_of_every_package_that_a_role_loads(role: str) -> None:
    compiled = set(runpy.run_path(str(_REPOSITORY / "scripts" / "compile_lean.py"))["PACKAGES"])
    # What an environment loads at its start, by a .pth file, comes of how it was made (setuptools), not of the role.
    by_environment = {"_distutils_hack"}
    installed = {name for name in packages_distributions() if not name.startswith("leadgateway")} - by_environment

    assert installed & {name.partition(".")[0] for name in _loaded(role)} <= compiled


def test_a_worker_holds_no_certificate_authorities_before_it_opens_the_connections_that_need_them() -> None:
    script = (
        "import leadgateway_worker.command, gc, ssl;"
        "print(sum(len(kept.get_ca_certs()) for kept in gc.get_objects() if isinstance(kept, ssl.SSLContext)))"
    )

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)

    assert told.stdout.strip() == "0"


def test_what_a_role_leaves_out_can_be_loaded_by_whoever_wants_it() -> None:
    script = (
        "import leadgateway_webhook.command, leadgateway_worker.command;"
        "import rich.console, httpx._main, opentelemetry.sdk.metrics, greenlet, cryptography"
    )

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)

    assert (told.returncode, told.stderr) == (0, "")
