"""Runs the programs that a user would run."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]


class CommandFailed(Exception):
    """A program ended with an error; the message holds what it printed."""


def run(
    *command: str, stdin: str | None = None, timeout: float = 300, environment: Mapping[str, str] | None = None
) -> str:
    """Run a program in the repository's folder and return its standard output.

    Raises:
        CommandFailed: Its exit status is not 0.
    """
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=None if environment is None else dict(environment),
    )
    if done.returncode:
        raise CommandFailed(f"{' '.join(command)}\n{done.stdout[-3000:]}{done.stderr[-6000:]}")
    return done.stdout


def available(program: str) -> bool:
    return shutil.which(program) is not None
