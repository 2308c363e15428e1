"""Where a server's Unix socket is: a folder that only its account may enter.

Sockets instead of TCP ports, because nothing else on the machine can reach them, and none is ever taken.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from leadgateway.dev.account import Account, private_folder

LONGEST_PATH = 100
"""Bytes: sockaddr_un.sun_path holds 104 (macOS) or 108 (Linux) with the closing zero."""

LONGEST_NAME = ".s.PGSQL.5432.lock"


class UnsafeFolderError(Exception):
    """The folder for a socket exists and belongs to somebody else."""


def socket_folder(data: Path, account: Account | None) -> Path:
    """The folder for the socket of the server with its data in `data`, made when missing; mode 0700.

    It is `data/run`, or, where that makes a path too long for a socket, a folder of the same account below the
    system's folder for temporary files, always the same for the same data.

    Raises:
        UnsafeFolderError: Somebody else made a folder of that name.
    """
    near = data / "run"
    if len(os.fsencode(near / LONGEST_NAME)) <= LONGEST_PATH:
        return private_folder(near, account)
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    uid = account.uid if account else os.geteuid()
    short = Path(tempfile.gettempdir()) / f"leadgateway-{uid}-{digest}"
    if short.is_symlink() or (short.exists() and short.stat().st_uid not in {uid, os.geteuid()}):
        raise UnsafeFolderError(f"{short} belongs to somebody else; remove it, or choose a shorter data folder.")
    return private_folder(short, account)
