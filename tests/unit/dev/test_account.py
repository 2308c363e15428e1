"""Who the servers run as and what that account may reach, told from mode bits alone."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

import pytest

from leadgateway.dev.account import Account, NoAccountError, account_for, first_barrier, private_file, private_folder

STRANGER = Account(uid=54321, gid=54321)


@pytest.fixture
def open_folder(session_folder: Path) -> Path:
    """A folder that everybody may pass through, on the way there, too."""
    folder = session_folder / "open"
    folder.mkdir(mode=0o711, exist_ok=True)
    return folder


def test_an_ordinary_user_needs_no_other_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert account_for(tmp_path) is None


def test_root_takes_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    nobody = pwd.getpwnam("nobody")

    assert account_for(tmp_path / "new") == Account(nobody.pw_uid, nobody.pw_gid)


def test_root_without_a_nobody_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unknown(name: str) -> pwd.struct_passwd:
        raise KeyError(name)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", unknown)

    with pytest.raises(NoAccountError, match="ordinary user, or set DATABASE_URL"):
        account_for(tmp_path / "new")


def test_everything_is_within_reach_of_who_runs_this() -> None:
    assert first_barrier(Path("/root/x"), None) is None


def test_a_closed_folder_on_the_way_is_a_barrier(open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700, exist_ok=True)
    (closed / "inner").mkdir(mode=0o755, exist_ok=True)

    assert first_barrier(closed / "inner", STRANGER) == closed
    assert first_barrier(open_folder, STRANGER) is None


def test_a_closed_folder_behind_a_link_and_before_one_are_barriers(open_folder: Path) -> None:
    closed = open_folder / "shut"
    closed.mkdir(mode=0o700, exist_ok=True)
    (open_folder / "to-closed").symlink_to(closed)
    (closed / "to-open").symlink_to(open_folder)

    assert first_barrier(open_folder / "to-closed", STRANGER) is not None
    assert first_barrier(closed / "to-open", STRANGER) == closed


def test_a_folder_of_the_accounts_own_or_of_its_group_is_no_barrier(tmp_path: Path) -> None:
    mine = tmp_path.stat()

    own, group = Account(mine.st_uid, 54321), Account(54321, mine.st_gid)

    tmp_path.chmod(0o710)
    assert first_barrier(tmp_path, own) != tmp_path
    assert first_barrier(tmp_path, group) != tmp_path
    tmp_path.chmod(0o701)
    assert first_barrier(tmp_path, group) is not None


def test_what_does_not_exist_yet_is_no_barrier(open_folder: Path) -> None:
    assert first_barrier(open_folder / "later" / "still", STRANGER) is None


def test_private_folders_and_files_are_closed_to_all_others(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "a" / "b", None)
    file = private_file(folder / "secret", None, "content")

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == "content"
