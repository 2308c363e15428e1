"""What was measured on, and which versions of what."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import distributions, version
from pathlib import Path

from leadgateway import __version__
from leadgateway.dev.account import account_for
from leadgateway.dev.binaries import postgres_programs, valkey_program

_BASELINE = Path(__file__).parents[1] / ".venv-baseline"
_BESIDE = ("Django", "Celery", "gunicorn")


def describe() -> str:
    """A sentence about the machine and the versions."""
    account = account_for(Path("/var/tmp"))
    servers = (postgres_programs(account) / "postgres", valkey_program(account))
    postgres, valkey = (
        subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout for program in servers
    )
    return (
        f"Lead Gateway {__version__}; {_processor()}, {os.cpu_count()} processors, {_memory_gibibytes():.0f} GiB, "
        f"{platform.system()} {platform.release()}; Python {platform.python_version()}, "
        f"PostgreSQL {postgres.split()[-1]}, Valkey {valkey.split('v=')[-1].split()[0]}, "
        f"uvicorn {version('uvicorn')}, aiohttp {version('aiohttp')}, psycopg2 {version('psycopg2-binary')}{_beside()}"
    )


def _beside() -> str:
    """The versions of the baseline, if it is installed."""
    folders = [str(folder) for folder in _BASELINE.glob("lib/python*/site-packages")]
    installed = {one.name.lower(): one.version for one in distributions(path=folders)}
    versions = [f"{name} {installed[name.lower()]}" for name in _BESIDE if name.lower() in installed]
    return f"; beside it {', '.join(versions)}" if versions else ""


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _memory_gibibytes() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
