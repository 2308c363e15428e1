"""Running things as an ordinary user, also when root runs the tests."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def ordinary_user() -> tuple[int, int]:
    """The user and group id of an ordinary user: the one that runs the tests, or `nobody` when that is root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def as_ordinary_user(*command: str) -> list[str]:
    """The command that runs `command` as an ordinary user.

    One right of root's is kept, to pass through every folder: the interpreter that runs the tests may be below /root.
    """
    if os.geteuid() != 0:
        return list(command)
    uid, gid = ordinary_user()
    keep = "+dac_override"
    return [
        "setpriv",
        f"--reuid={uid}",
        f"--regid={gid}",
        "--clear-groups",
        f"--inh-caps={keep}",
        f"--ambient-caps={keep}",
        "--",
        *command,
    ]


def owned_folder(path: Path) -> Path:
    """Make a folder that belongs to the ordinary user."""
    path.mkdir(mode=0o700)
    os.chown(path, *ordinary_user())
    return path
