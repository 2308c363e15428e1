"""An earlier revision of this repository, unpacked so that its processes run in the place of the installed ones."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_SOURCES = ("core", "operator", "webhook", "worker")


class NoSuchRevision(Exception):
    """The repository's history doesn't go back to the revision."""


def recorded_revision(record: Path) -> str:
    """The revision that a file names on its one line that is no comment."""
    (revision,) = (line for line in record.read_text().splitlines() if not line.startswith("#"))
    return revision


def unpack(revision: str, folder: Path, *, repository: Path = REPOSITORY) -> None:
    """Write the sources of a revision into a folder, as an installation that `import_path` puts in front.

    Args:
        revision: A commit, in full.
        folder: Where to; new.
        repository: A clone of this repository with its history.

    Raises:
        NoSuchRevision: The clone has no history, or not all of it; the message says how to get it.
    """
    packed = _git(repository, revision, "archive", "--format=tar", revision, *_SOURCES, "pyproject.toml")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    _announce(folder)


def import_path(folder: Path) -> str:
    """What PYTHONPATH has to be for the processes of an unpacked revision; it goes before what is installed."""
    return ":".join(str(part) for part in (folder, *(folder / source for source in _SOURCES)))


def files_of(revision: str, folder: str, *, repository: Path = REPOSITORY) -> dict[str, bytes]:
    """The files that a revision has in a folder, by name.

    Raises:
        NoSuchRevision: As `unpack` does.
    """
    packed = _git(repository, revision, "archive", "--format=tar", revision, folder)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        found = ((member.name, archive.extractfile(member)) for member in archive if member.isfile())
        return {Path(name).name: content.read() for name, content in found if content is not None}


def _announce(folder: Path) -> None:
    """Its own entry points instead of those that are installed: of a name on the path, the first metadata counts."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    metadata = folder / f"lead_gateway-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: lead-gateway\nVersion: {project['version']}\n")
    commands = project["entry-points"]["leadgateway.commands"]
    lines = (f"{name} = {target}\n" for name, target in commands.items())
    (metadata / "entry_points.txt").write_text("[leadgateway.commands]\n" + "".join(lines))


def _git(repository: Path, revision: str, *arguments: str) -> bytes:
    # The clone may belong to somebody else than who runs the tests: a container's root, say
    command = ["git", "-c", f"safe.directory={repository}", "-C", str(repository), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        raise NoSuchRevision("git is needed, which has the sources of the previous release: install it") from None
    if done.returncode:
        raise NoSuchRevision(
            f"{repository} has no revision {revision[:12]}, whose processes this test runs: it needs a clone with its "
            "whole history (git fetch --unshallow; in CI, a checkout of unlimited depth). "
            f"git says: {done.stderr.decode(errors='replace').strip()}"
        )
    return done.stdout
