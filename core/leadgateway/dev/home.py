"""Where the development stack keeps what it must find again, and that one stack at a time uses it.

.leadgateway/            or what --data says
  environment            DATABASE_URL and REDIS_URL of the running stack, for the other commands; mode 0600
  lock                   held while a stack runs; its process id
  fingerprint-key        for the hashes of credentials
  config/                the published routes and credentials
  logs/                  one file a part
  routes/                the sample route, where no other folder is named
  servers/               postgres/ and valkey/; a link when root's servers may not come here
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from leadgateway.dev.account import account_for, first_barrier, private_file

DEFAULT = Path(".leadgateway")
SHARED = Path("/var/lib/leadgateway")
"""Where root's servers have their data when the unprivileged account may not enter the stack's own folder."""

DATABASE_VARIABLES = (
    "DATABASE_URL",
    "POSTGRES_HOST",
    "POSTGRES_PORT",
    "POSTGRES_DB",
    "POSTGRES_USER",
    "POSTGRES_PASSWORD",
)
REDIS_VARIABLES = ("REDIS_URL",)


class InUse(Exception):
    """Another stack uses the data folder; the message names its process."""


class Home:
    """The data folder of one development stack."""

    def __init__(self, folder: Path) -> None:
        """Describe the folder; nothing is touched before `open`.

        Args:
            folder: Need not exist.
        """
        self.folder = folder
        self.config = folder / "config"
        self.logs = folder / "logs"
        self.routes = folder / "routes"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder when it is missing and hold it for this process.

        Raises:
            InUse: Another process holds it.
        """
        # Root's folder lets the servers' account pass through; nobody else's needs to.
        self.folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        self.logs.mkdir(mode=0o700, exist_ok=True)
        self.config.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InUse(self._in_use(lock.read().strip())) from None
            lock.truncate()
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            try:
                yield
            finally:
                self._environment.unlink(missing_ok=True)
                lock.seek(0)
                lock.truncate()

    @property
    def ended_badly(self) -> bool:
        """Whether the last stack here was killed, so that its parts may be ending still."""
        return self._environment.exists()

    def servers(self) -> Path:
        """The folder for the servers' data, made when missing; one that their account may enter."""
        near = self.folder / "servers"
        if near.exists():
            return near.resolve()
        near.unlink(missing_ok=True)  # a link whose target is gone
        if first_barrier(near, account_for(near)) is None:
            near.mkdir(mode=0o711)
            return near.resolve()
        far = SHARED / f"dev-{secrets.token_hex(6)}"
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        _remove_unused(SHARED)
        far.mkdir(mode=0o711)
        near.symlink_to(far)
        (far / "origin").write_text(str(near.absolute()))
        return far

    def fingerprint_key(self) -> bytes:
        """The key for fingerprints of credentials, made once, so that hashes stay the same over restarts."""
        path = self.folder / "fingerprint-key"
        if not path.exists():
            private_file(path, None, secrets.token_hex(32))
        return bytes.fromhex(path.read_text())

    def write_environment(self, variables: Mapping[str, str]) -> None:
        """Let the other commands (`leadgateway lead show`) find the servers of this stack while it runs."""
        private_file(self._environment, None, "".join(f"{name}={value}\n" for name, value in variables.items()))

    def read_environment(self) -> dict[str, str]:
        """What `write_environment` wrote; empty when no stack runs here."""
        if not self._environment.exists():
            return {}
        return dict(line.split("=", 1) for line in self._environment.read_text().splitlines())

    @property
    def _environment(self) -> Path:
        return self.folder / "environment"

    def _in_use(self, pid: str) -> str:
        return (
            f"Another development stack{f' (process {pid})' if pid else ''} uses {self.folder}. End it with Ctrl-C, "
            "or give this one a folder and ports of its own: --data DIR --port PORT --demo-port PORT …"
        )


def is_given(variables: tuple[str, ...], environment: Mapping[str, str]) -> bool:
    """Whether any of the variables is set; an empty one counts as not set, as in all settings."""
    return any(environment.get(name) for name in variables)


def _remove_unused(shared: Path) -> None:
    """Remove the data of servers whose stack's own folder has been removed or begun anew."""
    for folder in shared.glob("dev-*"):
        origin = folder / "origin"
        if origin.exists() and not _leads_to(Path(origin.read_text()), folder):
            shutil.rmtree(folder)


def _leads_to(link: Path, folder: Path) -> bool:
    return link.is_symlink() and link.readlink() == folder
