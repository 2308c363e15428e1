"""Whom the embedded servers run as, and what that account may reach.

PostgreSQL refuses to run as root, rightly. When root starts the stack (a container, a CI job), its servers run as
an unprivileged account that already exists; nothing is added to the system, and no existing folder's mode changes.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path


class NoAccountError(Exception):
    """Root started the stack and the system has no unprivileged account to run the servers as."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group id."""

    uid: int
    gid: int


def account_for(folder: Path) -> Account | None:
    """The account that servers with their data in `folder` run as; None: the one that runs this process.

    Data that an ordinary user made is served as that user (PostgreSQL demands it); new data as `nobody`.

    Raises:
        NoAccountError: This is root, and there is no `nobody`.
    """
    if os.geteuid() != 0:
        return None
    if folder.exists() and (owner := folder.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        message = (
            "PostgreSQL can't run as root, and this system has no user `nobody` to run it as. "
            "Start as an ordinary user, or set DATABASE_URL and REDIS_URL to servers that run elsewhere."
        )
        raise NoAccountError(message) from None
    return Account(nobody.pw_uid, nobody.pw_gid)


def first_barrier(path: Path, account: Account | None) -> Path | None:
    """The first folder on the way to `path` that keeps `account` from reaching it, `path` itself included.

    Links count with both ends, since the kernel walks both. Only mode bits are looked at, no access lists; what
    doesn't exist yet is no barrier. None: no barrier.
    """
    if account is None:
        return None
    for way in (path.absolute(), path.resolve()):
        for step in (*reversed(way.parents), way):
            if step.exists() and not _may_enter(step, account):
                return step
    return None


def _may_enter(path: Path, account: Account) -> bool:
    """Whether the account has the x bit (search a folder, execute a file)."""
    status = path.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def private_folder(path: Path, account: Account | None) -> Path:
    """Make `path` a folder of mode 0700 that belongs to `account`; parents that are missing are made, too.

    Missing parents are made so that the account can pass through them, but not list them.
    """
    for parent in reversed(path.parents):
        if not parent.exists():
            parent.mkdir(mode=0o711 if account else 0o700)
    path.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(path, account.uid, account.gid)
    path.chmod(0o700)
    return path


def private_file(path: Path, account: Account | None, content: str | None = None) -> Path:
    """Make `path` a file of mode 0600 that belongs to `account`, with `content` unless that is None."""
    path.touch(mode=0o600)
    if account:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    if content is not None:
        path.write_text(content)
    return path
