"""The lock files as pip reads them: also an old pip has to find every requirement of a package pinned."""

import re
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = Path(__file__).parents[2] / "requirements"


def pinned(lock: Path) -> dict[str, frozenset[str]]:
    """The packages of a lock file with the extras each is pinned with."""
    lines = (line.split(" \\")[0] for line in lock.read_text().splitlines() if re.match(r"[a-z0-9]", line))
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(one.name): frozenset(one.extras) for one in requirements}


@pytest.mark.parametrize("name", ["dev", "embedded", "runtime"])
def test_pins_each_package_with_the_extras_that_others_ask_of_it(name: str) -> None:
    # pip before 24 takes "coverage[toml]" for a requirement of its own: pinned without it, the newest release is
    # chosen and refused for having no hash, so an install breaks on the day of that release.
    packages = pinned(LOCKS / f"{name}.txt")

    unpinned = [
        f"{package} needs {wanted}"
        for package, extras in packages.items()
        for wanted in map(Requirement, _requires(package))
        if wanted.extras and _applies(wanted, extras)
        if not wanted.extras <= packages.get(canonicalize_name(wanted.name), frozenset())
    ]

    assert unpinned == []


def _requires(package: str) -> list[str]:
    try:
        return requires(package) or []
    except ModuleNotFoundError:  # locked for another platform
        return []


def _applies(wanted: Requirement, extras: frozenset[str]) -> bool:
    return wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in {"", *extras})
